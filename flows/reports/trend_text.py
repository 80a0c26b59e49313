"""A patient's trend as text: a table for a person, JSON for programs."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from db.reading.courses import CourseImage
from db.reading.trends import Observation, Trend
from flows.reports.score_text import scale_text, score_text
from severity.domain import RESEARCH_USE_ONLY, Direction, OutOfDistribution, View
from severity.vocabulary.times import local_text

_NO_SCORE = "-"
_SIGNS = {Direction.WORSE: "^", Direction.BETTER: "v", Direction.STABLE: "=", None: " "}
_SIGNS_MEAN = "Beyond the smallest detectable change: ^ worse, v better. Within it: = stable."


def trend_table(trend: Trend) -> RenderableType:
    """Return a patient's trend as a table, oldest observation first, with notes."""
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
    for observation in trend.observations:
        table.add_row(*_cells(observation), style=_style(observation))
    notes = trend_notes(trend)
    if has_directions(trend):
        notes.insert(0, _SIGNS_MEAN)
    return Group(table, Text(), *(Text(note) for note in notes))


def _style(observation: Observation) -> str:
    if observation.out_of_distribution:
        return "yellow"
    return "dim" if observation.view_changed else ""


def _reason_names(reasons: Iterable[OutOfDistribution | None]) -> str:
    """List each reason once, in the order of `OutOfDistribution`."""
    distinct = set(reasons)
    return ", ".join(reason.value for reason in OutOfDistribution if reason in distinct)


def _cells(observation: Observation) -> tuple[str, ...]:
    mark = " !" if observation.out_of_distribution else " *" if observation.view_changed else ""
    return (
        _date_text(observation),
        f"{round(observation.days_since_baseline)}",
        f"{observation.view}{mark}",
        score_text(observation.geographic_extent, observation.extent_interval),
        _change(observation.extent_from_baseline, observation.extent_direction_from_baseline),
        _change(observation.extent_from_previous, observation.extent_direction_from_previous),
        score_text(observation.opacity, observation.opacity_interval),
        _change(observation.opacity_from_baseline, observation.opacity_direction_from_baseline),
        _change(observation.opacity_from_previous, observation.opacity_direction_from_previous),
    )


def _date_text(observation: Observation) -> str:
    """Return the date, and the time if it is known; a dash where there is but a day's number."""
    if not observation.calendar_known:
        return _NO_SCORE
    return local_text(
        observation.acquired_at,
        observation.acquired_zone,
        time_of_day_known=observation.time_of_day_known,
    )


def _change(points: float | None, direction: Direction | None) -> str:
    written = _NO_SCORE if points is None else f"{points:+.1f}"
    return f"{written} {_SIGNS[direction]}"


def trend_notes(trend: Trend) -> list[str]:
    """List the notes that a reader of this trend needs."""
    observations = trend.observations
    notes = [
        *_error_notes(trend),
        *_distribution_notes(observations),
        *processing_notes(observations),
    ]
    if any(image.simulated for image in observations):
        notes.append("SIMULATED: opacities were painted into a real image; this is no patient.")
    if any(image.view_changed for image in observations):
        notes.append("* The view changed: AP and PA images are not directly comparable.")
    if any(image.view is View.UNKNOWN for image in observations):
        notes.append("The view of some images is not known: they may be AP, PA or no frontal view.")
    notes += _order_notes(observations)
    if trend.undated:
        notes.append(f"{trend.undated} scored images have no time and are not in the trend.")
    if len({image.calendar_known for image in observations}) > 1:
        notes.append("Some images have dates, others only day numbers: these are two courses.")
    notes += waiting_notes(trend.waiting)
    notes += identifier_notes(trend.same_identifier)
    if trend.other_versions:
        others = ", ".join(trend.other_versions)
        notes.append(
            f"Scores by other model versions exist ({others}); they are not shown here: "
            "see --model-version."
        )
    return [*notes, RESEARCH_USE_ONLY]


def waiting_notes(waiting: Collection[int]) -> list[str]:
    """Return what is said of images that the model version has not scored yet; else nothing."""
    if not waiting:
        return []
    images = len(waiting)
    return [f"Images that wait for a score by this model version, and are missing here: {images}."]


def identifier_notes(same_identifier: Sequence[str]) -> list[str]:
    """Return a note on patients whose identifier is the same, with an issuer or without."""
    if not same_identifier:
        return []
    others = ", ".join(same_identifier)
    note = (
        f"Images with the same identifier, with an issuer or without, count as {others}'s. If it "
        "is one person, set SEVERITY_ISSUER for new images, and `patient merge` the two."
    )
    return [note]


def has_directions(trend: Trend) -> bool:
    """Whether a smallest detectable change is known, of either score."""
    changes = (trend.extent_smallest_detectable_change, trend.opacity_smallest_detectable_change)
    return any(change is not None for change in changes)


def _error_notes(trend: Trend) -> list[str]:
    """List notes on the smallest detectable change and on prediction intervals."""
    notes = []
    if has_directions(trend):
        extent = _smallest_text(trend.extent_smallest_detectable_change)
        opacity = _smallest_text(trend.opacity_smallest_detectable_change)
        notes.append(
            f"Smallest detectable change: extent {extent}, opacity {opacity}. "
            "Stable means within test-retest error."
        )
    else:
        notes.append("The smallest detectable change is not known: changes have no directions.")
    if any(image.extent_interval or image.opacity_interval for image in trend.observations):
        notes.append(
            "Intervals contain the readers' mean for 90 of 100 new patients like those of the "
            "calibration."
        )
    if trend.calibration_sha256:
        notes.append(f"Intervals and errors are those of calibration {_short(trend)}.")
    return notes


def _short(trend: Trend) -> str:
    return trend.calibration_sha256[:8]


def _smallest_text(points: float | None) -> str:
    return "unknown" if points is None else f"{points:.2f} points"


def _order_notes(observations: Sequence[Observation]) -> list[str]:
    """List notes on images whose time of day nobody knows."""
    notes = []
    dates = sum(not image.time_of_day_known for image in observations)
    if dates:
        notes.append(
            f"Of {dates} images only the date is known: images of such a day are in no order, and "
            "are not compared with each other."
        )
    if not has_baseline(observations):
        notes.append(
            "The order of the first images is not known: changes since the first are not shown."
        )
    return notes


def has_baseline(observations: Sequence[Observation]) -> bool:
    """Whether changes since the first image are known: the order of the first images is."""
    compared = [image for image in observations if not image.out_of_distribution]
    return not compared or any(image.extent_from_baseline is not None for image in compared)


def _distribution_notes(observations: Sequence[Observation]) -> list[str]:
    """List notes on images that are out of distribution, and on the baseline among the others."""
    flagged = [image for image in observations if image.out_of_distribution]
    if not flagged:
        return []
    reasons = _reason_names(image.out_of_distribution for image in flagged)
    warning = "do not rely on these scores; they are left out of comparisons."
    notes = [f"! Out of distribution ({reasons}): {warning}"]
    if any(image.days_since_baseline < 0 for image in flagged):
        notes.append("The first image is one of these: changes are since the first other image.")
    return notes


def processing_notes(images: Sequence[Observation | CourseImage]) -> list[str]:
    """Say how many images are processed unlike the training films."""
    unlike = sum(image.unlike_processing is not None for image in images)
    return [f"{unlike} processed unlike the training films: scores may be off."] if unlike else []


def trend_json(trend: Trend, missing_course: str = "") -> str:
    """Return a trend as JSON; and why there is no course, if it stands in place of one."""
    document = {**asdict(trend), "notes": trend_notes(trend), "waiting": len(trend.waiting)}
    if missing_course:
        document["missing_course"] = missing_course
    return json.dumps(document, default=_plain, indent=2, sort_keys=True)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
