"""What a person reads: tables of fates, the balance, a trend. JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from db.trends import Balance, Observation, Trend
from severity.domain import RESEARCH_USE_ONLY, Scale

_NO_SCORE = "-"


def terminal() -> Console:
    """Return the terminal; wide enough for every table where output goes to a file."""
    console = Console(highlight=False, emoji=False)
    return console if console.is_terminal else Console(highlight=False, emoji=False, width=140)


def fates_table(fates: Sequence[tuple[str, str, str]]) -> RenderableType:
    """List what became of each file: its name, its state or the reason, the detail."""
    table = Table(box=box.SIMPLE_HEAD, title="What became of each file", title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("became")
    table.add_column("because", overflow="fold")
    for key, fate, detail in fates:
        style = {"scored": "green", "copy": "dim"}.get(fate, "yellow")
        became = fate if fate in {"scored", "copy", "waiting", "claimed"} else f"rejected: {fate}"
        table.add_row(Text(key), Text(became, style=style), Text(detail))
    return table


def balance_line(balance: Balance) -> RenderableType:
    """State the balance, and whether it holds."""
    line = Text(
        f"Balance: {balance.seen} seen = {balance.scored} scored + {balance.rejected} rejected "
        f"+ {balance.pending} pending"
    )
    if balance.copies:
        files = "file is an exact copy" if balance.copies == 1 else "files are exact copies"
        line.append(f" ({balance.copies} further {files})")
    if not balance.holds:
        line.append("  THE BALANCE DOES NOT HOLD: please report this", style="bold red")
    return line


def trend_table(trend: Trend) -> RenderableType:
    """Show a patient's trend, oldest observation first."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"Patient {trend.patient_key}, model version {trend.model_version}",
        title_justify="left",
    )
    for name in ("date", "day", "view"):
        table.add_column(name)
    extent = scale_text("extent", trend.geographic_extent)
    for score in (extent, scale_text("opacity", trend.opacity)):
        for name in (score, "since first", "since last"):
            table.add_column(name, justify="right")
    for seen in trend.observations:
        table.add_row(*_cells(seen), style="dim" if seen.view_changed else "")
    return Group(table, *(Text(note) for note in trend_notes(trend)))


def scale_text(name: str, scale: Scale) -> str:
    """Name a score with its range of points."""
    return f"{name} {scale.lowest:g}-{scale.highest:g}"


def _cells(seen: Observation) -> tuple[str, ...]:
    return (
        date_text(seen),
        f"{seen.days_since_baseline:.0f}",
        f"{seen.view}{' *' if seen.view_changed else ''}",
        f"{seen.geographic_extent:.1f}",
        _change(seen.extent_from_baseline),
        _change(seen.extent_from_previous),
        f"{seen.opacity:.1f}",
        _change(seen.opacity_from_baseline),
        _change(seen.opacity_from_previous),
    )


def date_text(seen: Observation) -> str:
    """Write the date; only a day's number is known where the calendar is not."""
    if not seen.calendar_known:
        return _NO_SCORE
    return f"{seen.acquired_at:%Y-%m-%d %H:%M}"


def _change(points: float | None) -> str:
    return _NO_SCORE if points is None else f"{points:+.1f}"


def trend_notes(trend: Trend) -> list[str]:
    """Say what a reader of this trend must know."""
    notes = []
    if any(seen.simulated for seen in trend.observations):
        notes.append("SIMULATED: opacities were painted into a real film; this is no patient.")
    if any(seen.view_changed for seen in trend.observations):
        notes.append("* The view changed: AP and PA films are not directly comparable.")
    if trend.undated:
        notes.append(f"{trend.undated} scored images have no time and are not in the trend.")
    if len({seen.calendar_known for seen in trend.observations}) > 1:
        notes.append("Some films have dates, others only day numbers: two courses, never joined.")
    if trend.other_versions:
        others = ", ".join(trend.other_versions)
        notes.append(f"Also scored by {others}: never joined; see --model-version.")
    return [*notes, RESEARCH_USE_ONLY]


def trend_json(trend: Trend) -> str:
    """Write a trend for programs."""
    return json.dumps(
        {**asdict(trend), "notes": trend_notes(trend)}, default=_plain, indent=2, sort_keys=True
    )


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def rejections_table(rejections: Mapping[str, int]) -> RenderableType:
    """Count the rejected by reason."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("rejected for")
    table.add_column("files", justify="right")
    for reason, count in rejections.items():
        table.add_row(reason, str(count))
    return table
