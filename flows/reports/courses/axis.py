"""The time axis of a chart: episodes side by side, without the time between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby, pairwise

from db.reading.courses import Course, CourseImage, Event
from severity.vocabulary.times import local_date

_BESIDE = timedelta(days=14)  # the farthest that an event may lie beside an episode to be drawn
_BESIDE_SHARE = 0.5  # but no more than this share of the episode, and a day
_YEAR = 365.25  # days
_NARROWEST = 0.12  # of an episode of a single image, as a share of the days of all episodes
_GAP = 0.08  # between two episodes, as a share of the same
_STEPS = (1, 2, 5, 7, 14, 28, 56, 91, 182, 365, 730, 1826, 3652)  # days between two ticks


class TimeAxis(StrEnum):
    """What the axis counts: dates, or days since each episode's baseline."""

    CALENDAR = "calendar"
    DAYS = "days"


@dataclass(frozen=True)
class Segment:
    """An episode on the axis: it begins at ``left``, and its days are those of the axis.

    ``start`` and ``end`` are in days since ``origin``, the time of the episode's baseline.
    """

    images: tuple[CourseImage, ...]
    origin: datetime
    start: float
    end: float
    left: float
    width: float

    @property
    def calendar_known(self) -> bool:
        """Whether its times are dates."""
        return self.images[0].calendar_known

    def x(self, at: datetime) -> float:
        """Return the place of a time on the axis; one outside lies on the segment's end."""
        days = min(max(_days(at - self.origin), self.start), self.end)
        centred = (self.width - (self.end - self.start)) / 2
        return self.left + centred + days - self.start

    def cuts(self, at: datetime) -> bool:
        """Whether a time lies outside."""
        return not self.start <= _days(at - self.origin) <= self.end

    def shows(self, event: Event) -> bool:
        """Whether an event overlaps the episode or the days beside it."""
        if event.calendar_known is not self.calendar_known:
            return False
        begins = _days(event.starts_at - self.origin)
        ends = _days((event.ends_at or event.starts_at) - self.origin)
        return begins <= self.end and ends >= self.start


def segments(course: Course) -> tuple[Segment, ...]:
    """Return the episodes of a course side by side, those with dates first."""
    drafts = [_draft(images, course.events) for images in _episodes(course.images)]
    total = sum(draft.end - draft.start for draft in drafts) or 1.0
    placed: list[Segment] = []
    left = 0.0
    for draft in drafts:
        width = max(draft.end - draft.start, _NARROWEST * total)
        placed.append(replace(draft, left=left, width=width))
        left += width + _GAP * total
    return tuple(placed)


def seams(shown: Sequence[Segment]) -> list[float]:
    """Return the places on the axis between images that different model versions scored."""
    images = [(segment, image) for segment in shown for image in segment.images]
    return [
        _between(before, after)
        for before, after in pairwise(images)
        if is_seam(before[1], after[1])
    ]


def is_seam(before: CourseImage, after: CourseImage) -> bool:
    """Whether different model versions scored two images that follow each other in time."""
    return before.calendar_known is after.calendar_known and before.scored_by != after.scored_by


def _between(before: tuple[Segment, CourseImage], after: tuple[Segment, CourseImage]) -> float:
    """Return the place between two images; near the second's episode if that is another one.

    The middle there is taken by the text that says how long the time between two episodes is.
    """
    first, second = before[0], after[0]
    if first is second:
        return (first.x(before[1].at) + first.x(after[1].at)) / 2
    return (first.left + first.width + 3 * second.left) / 4


def origin(images: Sequence[CourseImage]) -> datetime:
    """Return the time that an episode's days count from: its baseline's, or the first image's."""
    return next((image.at for image in images if image.is_baseline), images[0].at)


def ticks(segment: Segment, axis: TimeAxis, most: int) -> Iterator[tuple[float, str]]:
    """Yield places and labels of at most ``most`` ticks, the origin among them.

    Dates are shown where they are known, whatever the axis asks for elsewhere.
    """
    step = next((step for step in _STEPS if segment.end - segment.start <= step * most), _STEPS[-1])
    first = -(-segment.start // step)  # rounded up
    dated = axis is TimeAxis.CALENDAR and segment.calendar_known
    year = None
    for place in range(int(first), int(segment.end // step) + 1):
        at = segment.origin + timedelta(days=place * step)
        if not dated:
            yield segment.x(at), f"{place * step}"
            continue
        day = local_date(at, segment.images[0].zone)
        yield segment.x(at), f"{day.day} {day:%b}" + ("" if day.year == year else f"\n{day.year}")
        year = day.year


def gap_text(before: Segment, after: Segment) -> str:
    """Return the time between two episodes in words; of two axes nobody knows it."""
    if before.calendar_known is not after.calendar_known:
        return "another axis"
    days = _days(after.images[0].at - before.images[-1].at)
    return f"{days:.0f} days" if days < 2 * _YEAR else f"{days / _YEAR:.1f} years"


def _episodes(images: Sequence[CourseImage]) -> list[tuple[CourseImage, ...]]:
    """Split images into episodes; dates and mere day numbers are never of one."""
    by_episode = groupby(images, key=lambda image: (image.calendar_known, image.episode))
    return [tuple(members) for _, members in by_episode]


def _draft(images: tuple[CourseImage, ...], events: Sequence[Event]) -> Segment:
    """Return an episode with its first and last day, events within and beside it included."""
    zero = origin(images)
    days = [_days(image.at - zero) for image in images]
    first, last = min(days), max(days)
    beside = min(_days(_BESIDE), 1 + _BESIDE_SHARE * (last - first))
    room = Segment(images, zero, first - beside, last + beside, left=0, width=0)
    near = [event for event in events if room.shows(event)]
    times = [event.starts_at for event in near] + [event.ends_at for event in near if event.ends_at]
    reached = [min(max(_days(at - zero), room.start), room.end) for at in times]
    return replace(room, start=min([first, *reached]), end=max([last, *reached]))


def _days(passed: timedelta) -> float:
    return passed / timedelta(days=1)
