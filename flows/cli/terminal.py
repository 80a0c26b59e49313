"""The terminal that commands print to."""

from functools import partial

from rich.console import Console


def terminal() -> Console:
    """Return the terminal; wide enough for every table where output goes to a file.

    Brackets are no markup: names of files and reasons that people wrote may have them.
    """
    opened = partial(Console, highlight=False, emoji=False, markup=False)
    console = opened()
    return console if console.is_terminal else opened(width=140)
