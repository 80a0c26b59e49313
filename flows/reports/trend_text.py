"""A patient's trend as text: a table for a person, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from db.reading.trends import Observation, Trend
from flows.reports.score_text import scale_text, score_text
from severity.domain import RESEARCH_USE_ONLY, Direction, OutOfDistribution

_NO_SCORE = "-"
_SIGNS = {Direction.WORSE: "^", Direction.BETTER: "v", Direction.STABLE: "=", None: " "}
_SIGNS_MEAN = "Beyond the smallest detectable change: ^ worse, v better. Within it: = stable."


def trend_table(trend: Trend) -> RenderableType:
    """Show a patient's trend, oldest observation first."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"Patient {trend.patient_key}, model version {trend.model_version}",
        title_justify="left",
        padding=(0, 1, 0, 0),  # so that scores with intervals fit into 100 characters
        show_edge=False,
    )
    for name in ("date", "day", "view"):
        table.add_column(name)
    extent = scale_text("extent", trend.geographic_extent)
    for score in (extent, scale_text("opacity", trend.opacity)):
        # Three of these in a line of 100 characters: their names take two.
        for name in (score, "since\nfirst", "since\nlast"):
            table.add_column(name, justify="right")
    for seen in trend.observations:
        table.add_row(*_cells(seen), style=_style(seen))
    notes = trend_notes(trend)
    if has_directions(trend):
        notes.insert(0, _SIGNS_MEAN)
    return Group(table, Text(), *(Text(note) for note in notes))


def _style(seen: Observation) -> str:
    if seen.out_of_distribution:
        return "yellow"
    return "dim" if seen.view_changed else ""


def _unlike_names(reasons: Iterable[OutOfDistribution | None]) -> str:
    """Name each reason once, in the order of `OutOfDistribution`."""
    found = set(reasons)
    return ", ".join(reason.value for reason in OutOfDistribution if reason in found)


def _cells(seen: Observation) -> tuple[str, ...]:
    mark = " !" if seen.out_of_distribution else " *" if seen.view_changed else ""
    return (
        _date_text(seen),
        f"{seen.days_since_baseline:.0f}",
        f"{seen.view}{mark}",
        score_text(seen.geographic_extent, seen.extent_interval),
        _change(seen.extent_from_baseline, seen.extent_direction_from_baseline),
        _change(seen.extent_from_previous, seen.extent_direction_from_previous),
        score_text(seen.opacity, seen.opacity_interval),
        _change(seen.opacity_from_baseline, seen.opacity_direction_from_baseline),
        _change(seen.opacity_from_previous, seen.opacity_direction_from_previous),
    )


def _date_text(seen: Observation) -> str:
    """Write the date; only a day's number is known where the calendar is not."""
    if not seen.calendar_known:
        return _NO_SCORE
    return f"{seen.acquired_at:%Y-%m-%d %H:%M}"


def _change(points: float | None, direction: Direction | None) -> str:
    written = _NO_SCORE if points is None else f"{points:+.1f}"
    return f"{written} {_SIGNS[direction]}"


def trend_notes(trend: Trend) -> list[str]:
    """Say what a reader of this trend must know."""
    seen = trend.observations
    notes = [*_error_notes(trend), *_distribution_notes(seen)]
    if any(one.simulated for one in seen):
        notes.append("SIMULATED: opacities were painted into a real image; this is no patient.")
    if any(one.view_changed for one in seen):
        notes.append("* The view changed: AP and PA images are not directly comparable.")
    if trend.undated:
        notes.append(f"{trend.undated} scored images have no time and are not in the trend.")
    if len({one.calendar_known for one in seen}) > 1:
        notes.append("Some images have dates, others only day numbers: two courses, never joined.")
    if trend.other_versions:
        others = ", ".join(trend.other_versions)
        notes.append(f"Also scored by {others}: never joined; see --model-version.")
    return [*notes, RESEARCH_USE_ONLY]


def has_directions(trend: Trend) -> bool:
    """Whether a smallest detectable change is known, of either score."""
    changes = (trend.extent_smallest_detectable_change, trend.opacity_smallest_detectable_change)
    return any(change is not None for change in changes)


def _error_notes(trend: Trend) -> list[str]:
    """Say how large a change must be, and what the intervals are about."""
    notes = []
    if has_directions(trend):
        extent = _smallest_text(trend.extent_smallest_detectable_change)
        opacity = _smallest_text(trend.opacity_smallest_detectable_change)
        notes.append(
            f"Smallest detectable change: extent {extent}, opacity {opacity}. "
            "Stable means within test-retest error."
        )
    else:
        notes.append("Of this model version no smallest detectable change is known: no directions.")
    if any(one.extent_interval or one.opacity_interval for one in trend.observations):
        notes.append(
            "Intervals hold the readers' mean in 90 of 100 images like those calibrated on."
        )
    return notes


def _smallest_text(points: float | None) -> str:
    return "unknown" if points is None else f"{points:.2f} points"


def _distribution_notes(observations: Sequence[Observation]) -> list[str]:
    """Say which images nothing is compared with, and what then is the baseline."""
    flagged = [one for one in observations if one.out_of_distribution]
    if not flagged:
        return []
    reasons = _unlike_names(one.out_of_distribution for one in flagged)
    notes = [
        f"! Out of distribution ({reasons}): not to be trusted, and compared with no other image."
    ]
    if any(one.days_since_baseline < 0 for one in flagged):
        notes.append("The first image is one of these: changes are since the first that is not.")
    return notes


def trend_json(trend: Trend) -> str:
    """Write a trend for programs."""
    return json.dumps(
        {**asdict(trend), "notes": trend_notes(trend)}, default=_plain, indent=2, sort_keys=True
    )


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
