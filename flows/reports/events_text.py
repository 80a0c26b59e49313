"""Treatments and their import as text."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from db.events import Stored, StoredEvent
from severity.domain import RESEARCH_USE_ONLY

_MOST_LINES = 20  # that are named for one reason


def import_text(events: Stored, groups: Stored, refused: Mapping[str, list[int]]) -> str:
    """Return what an import did, and the numbers of the lines that it left out, by reason."""
    lines = [_counts("events", events), _counts("groups", groups)]
    lines += [f"left out, {reason}: {_numbers(numbers)}" for reason, numbers in refused.items()]
    return "\n".join(lines)


def events_table(events: Sequence[StoredEvent], groups: Mapping[str, str]) -> RenderableType:
    """Return a table of a patient's treatments and a line of the groups."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for column in ("id", "kind", "label", "start", "end", "source"):
        table.add_column(column, overflow="fold")
    for event in events:
        mark = " (removed)" if event.is_removed else ""
        table.add_row(
            str(event.event_id),
            event.kind,
            Text(event.label + mark),
            event.start,
            event.end or "-",
            Text(event.source),
        )
    named = ", ".join(f"{name} {value}" for name, value in groups.items()) or "none"
    return Group(table, Text(f"Groups: {named}"), Text(RESEARCH_USE_ONLY))


def _counts(what: str, stored: Stored) -> str:
    removed = f", {stored.removed} removed before and left so" if stored.removed else ""
    return (
        f"{what}: {stored.new} new, {stored.changed} changed, {stored.unchanged} unchanged{removed}"
    )


def _numbers(lines: Sequence[int]) -> str:
    more = f" and {len(lines) - _MOST_LINES} more" if len(lines) > _MOST_LINES else ""
    word = "line" if len(lines) == 1 else "lines"
    return f"{word} {', '.join(map(str, lines[:_MOST_LINES]))}{more}"
