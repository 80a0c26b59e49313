"""What the commands that measure a large database have in common."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.jobs import BenchmarkError
from benchmarks.scale.figures import Figure, show, to_json
from benchmarks.scale.server import own_server
from db.errors import DatabaseError

_COLUMNS = 120

Sections = dict[str, list[Figure]]


def run(
    measure: Callable[[str, Path, Console], Sections], *, database: str | None, file: Path | None
) -> int:
    """Measure in a database and show the figures, by section.

    Parameters
    ----------
    measure
        Takes the database's URL, a folder for what it writes, and where it tells its progress.
    database
        A URL; None for a server of our own, which is removed at the end.
    file
        Where the figures are written as JSON, if at all.

    Returns
    -------
    The exit code: 0, or 1 if something is wrong; a target that is missed is only shown.
    """
    progress = Console(stderr=True, highlight=False)
    try:
        # The socket of the server lies there, and its path must be short.
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="severity-scale-")))
            url = database or stack.enter_context(own_server(folder / "postgres"))
            sections = measure(url, folder, progress)
    except (BenchmarkError, DatabaseError) as error:
        progress.print(f"Error: {error}", markup=False)
        return 1
    console = Console() if Console().is_terminal else Console(width=_COLUMNS)
    for title, figures in sections.items():
        show(title, figures, console)
    if file:
        content = {title: to_json(figures) for title, figures in sections.items()}
        file.write_text(json.dumps(content, indent=1) + "\n")
    return 0
