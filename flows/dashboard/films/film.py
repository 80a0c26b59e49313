"""The films of a patient as pages show them: each with all that is said of it, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import SimpleNamespace

from db.reading.courses import Assessment, Course, CourseImage
from db.reading.patients import Merged
from db.reading.trends import Observation, Trend
from flows.dashboard.texts import texts
from flows.reports.courses.text import when
from flows.reports.courses.words import band_text, verdict_text
from severity.domain import Interval, Lungs


@dataclass(frozen=True)
class Film:
    """One film: its course's values, and what the course does not know.

    The intervals are the 90 % prediction intervals of its own scores, None without a calibration.
    ``merged`` says under which other patient's key it was recorded, None if under the patient's.
    """

    number: int
    image: CourseImage
    extent_interval: Interval | None = None
    opacity_interval: Interval | None = None
    merged: Merged | None = None

    @property
    def when(self) -> str:
        """Its date and time; the number of its day where only that is known."""
        return when(self.image)

    @property
    def reason(self) -> str:
        """Why it is out of distribution, in words; empty if it is not."""
        code = self.image.out_of_distribution
        return "" if code is None else str(getattr(texts().reasons, code.value))

    @property
    def processing(self) -> str:
        """How its processing is unlike that of the training films, in words; empty if it is not."""
        code = self.image.unlike_processing
        return "" if code is None else str(getattr(texts().processing, code.value))

    @property
    def head(self) -> str:
        """Which film it is, when it was taken, and in which view."""
        head = texts().chart.head
        return str(head.format(number=self.number, when=self.when, view=self.image.view.value))

    @property
    def remarks(self) -> list[str]:
        """What a reader should know of it, in a few words each."""
        return self._remarks_in(texts().patient)

    @property
    def lines(self) -> list[str]:
        """What is said of either score, and what a reader should know of the film."""
        scores = (
            ("geographic_extent", self.image.geographic_extent, self.extent_interval),
            ("opacity", self.image.opacity, self.opacity_interval),
        )
        said = [
            f"{getattr(texts().scores, name)}: {_said(self.image, assessment, interval)}"
            for name, assessment, interval in scores
        ]
        by_lung = [] if self.image.lungs is None else [_by_lung(self.image.lungs)]
        return [*said, *by_lung, *self._remarks_in(texts().chart)]

    def _remarks_in(self, words: SimpleNamespace) -> list[str]:
        """Return the remarks in the words of a section of the texts."""
        scored_by = self.image.scored_by
        return [
            *([words.flagged.format(reason=self.reason)] if self.reason else []),
            *([words.unlike_processing.format(how=self.processing)] if self.processing else []),
            *([words.view_changed] if self.image.view_changed else []),
            *([_merged_mark(words, self.merged)] if self.merged else []),
            *([words.converted.format(version=scored_by)] if scored_by else []),
        ]


@dataclass(frozen=True)
class Episode:
    """The films of a part of the course without a long gap, oldest first."""

    number: int
    films: tuple[Film, ...]


def films_of(course: Course, trend: Trend, merged: Mapping[int, Merged]) -> list[Film]:
    """Return the films of a course, oldest first; their own intervals are from the trend."""
    intervals = {observed.image_id: observed for observed in trend.observations}
    return [
        _film(number, image, intervals.get(image.image_id), merged.get(image.image_id))
        for number, image in enumerate(course.images, start=1)
    ]


def episodes(films: Sequence[Film]) -> list[Episode]:
    """Return films by episode; those with dates and those with day numbers are never of one."""
    by_episode = groupby(films, key=lambda film: (film.image.calendar_known, film.image.episode))
    return [Episode(number, tuple(members)) for (_, number), members in by_episode]


def _film(
    number: int, image: CourseImage, observed: Observation | None, merged: Merged | None
) -> Film:
    if observed is None:
        return Film(number, image, merged=merged)
    return Film(number, image, observed.extent_interval, observed.opacity_interval, merged)


def _merged_mark(words: SimpleNamespace, merged: Merged) -> str:
    return str(words.merged_mark.format(key=merged.patient_key, on=merged.on))


def _by_lung(lungs: Lungs) -> str:
    points = {
        f"{side}_{score}": f"{value:.1f}"
        for side, lung in (("right", lungs.right), ("left", lungs.left))
        for score, value in (("extent", lung.geographic_extent), ("opacity", lung.opacity))
    }
    return str(texts().chart.lungs.format(**points))


def _said(image: CourseImage, assessment: Assessment, interval: Interval | None) -> str:
    """Return a score with its interval, the level with its band, and the verdict."""
    words = texts().chart
    said = words.score.format(points=f"{assessment.points:.1f}")
    if interval is not None:
        said += " " + words.interval.format(low=f"{interval.low:.1f}", high=f"{interval.high:.1f}")
    if assessment.level is not None:
        said += ", " + words.level.format(band=band_text(assessment.level))
    if image.is_baseline:
        said += ", " + words.baseline
    elif assessment.verdict is not None:
        said += ", " + verdict_text(assessment)
    return str(said)
