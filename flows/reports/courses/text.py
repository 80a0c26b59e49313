"""A patient's course as a table for a person, in plain characters of at most 100 columns."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby

from rich.box import Box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from db.reading.courses import Assessment, Course, CourseImage, Event, Response
from flows.reports.courses.axis import is_seam
from flows.reports.courses.words import (
    band_text,
    course_notes,
    is_told_from_before,
    latest,
    percent,
    probability,
    verdict_text,
    version_text,
)
from flows.reports.score_text import scale_text
from severity.vocabulary.times import DAY_ZERO, local_date, local_text

_NOTHING = "-"
# rich's SIMPLE_HEAD, for terminals without UTF-8 too.
_LINE_BELOW_HEAD = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_RESPONSES_MEAN = (
    "After 1d and so on: the change of extent since just before the start, and the probability of "
    "better.\n~ No image of the episode is as late."
)
_SEAM = ("~~ seam ~~", "~~", "~~~~", *("~~~", "~~~~~~~~~~~", "~~~~~~~~") * 2)
RESPONSE_DAYS = (1, 3, 7, 14)


def course_table(course: Course) -> RenderableType:
    """Return a course as tables: verdicts, images, treatments and responses, and notes."""
    parts: list[RenderableType] = [*_headlines(course), Text(), _images_table(course)]
    if course.events:
        parts += [Text(), _events_table(course.events), Text(_RESPONSES_MEAN)]
    return Group(*parts, Text(), *(Text(note) for note in course_notes(course)))


def _headlines(course: Course) -> Iterator[Text]:
    """Yield what the course says now, of either score."""
    yield Text(f"Patient {course.patient_key}, model version {version_text(course)}")
    last = latest(course.images)
    if last is None:
        return
    baseline = _baseline(course.images, last)
    since = f"since the baseline, {when(baseline)}" if baseline else "without a baseline"
    is_before = is_told_from_before(course.images)
    of = "Level at the last image that counts" if is_before else "Level now"
    yield Text(f"{of}, {when(last)}, {since}:")
    for name in ("geographic_extent", "opacity"):
        assessment: Assessment = getattr(last, name)
        yield Text(
            f"  {scale_text(name.replace('_', ' '), getattr(course, name)):<23}"
            f"{band_text(assessment.level):<15}{verdict_text(assessment)}"
        )


def _baseline(images: Sequence[CourseImage], last: CourseImage) -> CourseImage | None:
    episode = [image for image in images if _episode(image) == _episode(last)]
    return next((image for image in episode if image.is_baseline), None)


def _episode(image: CourseImage) -> tuple[bool, int]:
    return image.calendar_known, image.episode


def when(image: CourseImage) -> str:
    """Return an image's date, and its time of day if it is known, where it was taken.

    Where only the number of the day is known, that is since the patient's day 0, as treatments say.
    """
    if not image.calendar_known:
        return f"day {(image.at - DAY_ZERO) / timedelta(days=1):g}"
    return local_text(image.at, image.zone, time_of_day_known=image.time_of_day_known)


def event_days(event: Event) -> tuple[str, str]:
    """Return the dates of a treatment's start and end where it was given; no end is empty.

    Where only the numbers of days are known, those as they were stated.
    """
    if not event.calendar_known:
        return event.start, event.end
    end = "" if event.ends_at is None else local_date(event.ends_at, event.zone).isoformat()
    return local_date(event.starts_at, event.zone).isoformat(), end


def _images_table(course: Course) -> Table:
    table = _table()
    for name in ("date", "day", "view"):
        table.add_column(name, no_wrap=True)
    for name in ("geographic_extent", "opacity"):
        label = "extent" if name == "geographic_extent" else name
        scale = getattr(course, name)
        table.add_column(f"{label}\n{scale.lowest:g}-{scale.highest:g}", justify="right")
        table.add_column("level,\n90% band", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
    episodes = [list(images) for _, images in groupby(course.images, key=_episode)]
    before: CourseImage | None = None
    for images in episodes:
        if len(episodes) > 1:
            table.add_row(f"episode {images[0].episode}", style="bold")
        for image in images:
            if before is not None and is_seam(before, image):
                table.add_row(*_SEAM)
            before = image
            table.add_row(*_cells(image), style=_style(image))
        table.add_section()
    return table


def _table() -> Table:
    return Table(box=_LINE_BELOW_HEAD, padding=0, show_edge=False)


def _style(image: CourseImage) -> str:
    if image.out_of_distribution:
        return "yellow"
    return "dim" if image.view_changed else ""


def _cells(image: CourseImage) -> tuple[str, ...]:
    mark = " !" if image.out_of_distribution else " *" if image.view_changed else ""
    mark += " ~" if image.scored_by else ""
    return (
        when(image),
        f"{round(image.days)}",
        f"{image.view}{mark}",
        *_score_cells(image, image.geographic_extent),
        *_score_cells(image, image.opacity),
    )


def _score_cells(image: CourseImage, assessment: Assessment) -> tuple[str, str, str]:
    band = assessment.level
    level = f"{band.level:.1f} {band.low:.1f}-{band.high:.1f}" if band else _NOTHING
    verdict = "baseline" if image.is_baseline else short_verdict(assessment)
    return f"{assessment.points:.1f}", level, verdict


def short_verdict(assessment: Assessment) -> str:
    """Return a verdict with the probability behind it: of "cannot tell" there is none."""
    if assessment.verdict is None:
        return _NOTHING
    share = probability(assessment)
    return assessment.verdict.value + ("" if share is None else f" {percent(share)}")


def _events_table(events: Sequence[Event]) -> Table:
    """Return treatments, and how the level of extent changed after each began."""
    table = _table()
    for name in ("from", "to", "kind"):
        table.add_column(name, no_wrap=True)
    table.add_column("treatment", max_width=28, overflow="fold")
    table.add_column("extent\nbefore", justify="right")
    for day in RESPONSE_DAYS:
        table.add_column(f"after {day}d", no_wrap=True)
    for event in events:
        table.add_row(*_event_cells(event))
    return table


def _event_cells(event: Event) -> tuple[str, ...]:
    by_day = {response.day: response for response in event.geographic_extent}
    before = by_day.get(0)
    start, end = event_days(event)
    return (
        start,
        end or _NOTHING,
        event.kind,
        event.label,
        f"{before.level.level:.1f}" if before else _NOTHING,
        *(_response_text(by_day.get(day)) for day in RESPONSE_DAYS),
    )


def _response_text(response: Response | None) -> str:
    """Return a change, the probability of better, and a mark where no image is as late."""
    if response is None or response.change is None or response.better is None:
        return _NOTHING
    mark = "~" if response.is_extrapolated else ""
    change = round(response.change.level, 1) + 0.0  # never -0.0
    return f"{change:+.1f} {percent(response.better)}{mark}"
