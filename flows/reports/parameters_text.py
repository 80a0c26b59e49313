"""Parameter sets of courses as text."""

from collections.abc import Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from db.courses.due import CourseCounts
from db.courses.parameters import ParameterHistory

_SHOWN_DIGITS = 12  # of a hash


def parameters_table(sets: Sequence[ParameterHistory]) -> RenderableType:
    """Return a table of parameter sets, with how many patients' courses rest on each."""
    if not sets:
        return Text("No model version has parameters yet; the next run adopts them.")
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("model version", "set", "origin", "learned from", "since", "courses"):
        table.add_column(name)
    for entry in sets:
        learned = f"{entry.films} films of {entry.patients} patients"
        table.add_row(
            entry.model_version,
            f"{entry.sha256[:_SHOWN_DIGITS]}{' (current)' if entry.is_current else ''}",
            entry.origin,
            learned if entry.films else "",
            f"{entry.registered_at:%Y-%m-%d}",
            str(entry.courses),
        )
    return table


def courses_text(counts: CourseCounts) -> Text:
    """Return how many courses are due, and how many rest on an older parameter set."""
    text = Text(f"Courses: {counts.due} due")
    if counts.due:
        text.append("; the next pass or `cxr-severity courses update` computes them")
    if counts.outdated:
        text.append(
            f"\n{counts.outdated} rest on an older parameter set: run `cxr-severity courses refit`",
            style="yellow",
        )
    return text
