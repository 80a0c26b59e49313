"""The balance as text: what became of all objects, and why some were rejected."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from db.reading.balances import Balance


def balance_line(balance: Balance) -> RenderableType:
    """Return the balance in one line, with warnings below."""
    line = Text(
        f"Balance: {balance.seen} seen = {balance.scored} scored + {balance.rejected} rejected "
        f"+ {balance.pending} pending"
    )
    if balance.copies:
        files = "file is an exact copy" if balance.copies == 1 else "files are exact copies"
        line.append(f" ({balance.copies} further {files})")
    if not balance.holds:
        line.append("  THE BALANCE DOES NOT HOLD: please report this", style="bold red")
    if balance.out_of_distribution:
        line.append(f"\n{_flagged_text(balance.out_of_distribution)}", style="yellow")
    return line


def _flagged_text(images: int) -> str:
    if images == 1:
        return "1 scored image is out of distribution; do not rely on its score"
    return f"{images} scored images are out of distribution; do not rely on their scores"


def rejections_table(rejections: Mapping[str, int]) -> RenderableType:
    """Return a table of the number of rejections by reason."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("rejected for")
    table.add_column("files", justify="right")
    for reason, count in rejections.items():
        table.add_row(reason, str(count))
    return table


def fates_table(fates: Sequence[tuple[str, str, str]]) -> RenderableType:
    """Return a table of what became of each file: its name, its state or the reason, the detail."""
    table = Table(box=box.SIMPLE_HEAD, title="What became of each file", title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("became")
    table.add_column("because", overflow="fold")
    for key, fate, detail in fates:
        style = {"scored": "green", "copy": "dim"}.get(fate, "yellow")
        became = fate if fate in {"scored", "copy", "waiting", "claimed"} else f"rejected: {fate}"
        table.add_row(Text(key), Text(became, style=style), Text(detail))
    return table


def other_versions_text(versions: Sequence[str]) -> str:
    """Return a note on other model versions that scored images of this database."""
    return f"Scores by other model versions exist ({', '.join(versions)}); they are not shown here"
