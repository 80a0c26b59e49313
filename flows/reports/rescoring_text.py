"""Requests of rescoring as text: who asked for which images when, and what became of them."""

from collections.abc import Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from db.rescoring.progress import Rescoring


def rescorings_table(requests: Sequence[Rescoring]) -> RenderableType:
    """Return a table of requests, one in a row, with the counts of their images."""
    if not requests:
        return Text("Nothing was asked to be scored again.")
    table = Table(
        box=box.SIMPLE_HEAD, title="Rescoring", title_justify="left", padding=(0, 1, 0, 0)
    )
    table.add_column("id", justify="right")
    for name in ("asked", "by", "images", "model version"):
        table.add_column(name, overflow="fold")
    for name in ("scored", "left", "gone", "failed", "else"):
        table.add_column(name, justify="right")
    table.add_column("state")
    for request in requests:
        table.add_row(*_cells(request), style="dim" if request.state == "cancelled" else "")
    return table


def _cells(request: Rescoring) -> tuple[str, ...]:
    # Elsewhere: scored before or by another request, withdrawn or cancelled meanwhile.
    counts = (
        request.scored,
        request.waiting,
        request.gone,
        request.failed,
        request.before + request.dropped,
    )
    return (
        str(request.id),
        f"{request.requested_at:%Y-%m-%d %H:%M}",
        request.requested_by,
        selection_text(request),
        request.model_version,
        *map(str, counts),
        request.state,
    )


def selection_text(request: Rescoring) -> str:
    """Return which images a request selects, in a few words."""
    if request.is_list:
        return "a list" + (f" ({request.unknown} unknown)" if request.unknown else "")
    if request.first_day is None and request.last_day is None:
        return "all"
    return f"{request.first_day or ''}..{request.last_day or ''}"
