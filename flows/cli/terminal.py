"""The terminal that commands print to."""

from rich.console import Console


def terminal() -> Console:
    """Return the terminal; wide enough for every table where output goes to a file."""
    console = Console(highlight=False, emoji=False)
    return console if console.is_terminal else Console(highlight=False, emoji=False, width=140)
