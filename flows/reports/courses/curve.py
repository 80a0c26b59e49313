"""The level between images: what a course says of any time of an episode."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from db.reading.courses import Assessment, Band, Course, CourseImage
from severity.course.band import band
from severity.course.course import follow
from severity.course.parameters import CourseParameters
from severity.course.series import Conversions, Films, Indices, Numbers, view_code

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Moment:
    """The level of one score at a time, from all images of the episode."""

    at: datetime
    band: Band


def level_curve(
    course: Course, images: Sequence[CourseImage], score: str, *, times: int = 200
) -> list[Moment]:
    """Return the level from the first to the last eligible image of an episode, in steps.

    Between two images the level returns to the patient's usual one, and its band widens: a line
    from image to image would promise more than is known.

    Parameters
    ----------
    images
        Of one episode; nothing is returned if none is eligible.
    score
        ``geographic_extent`` or ``opacity``.
    times
        At which the level is computed, besides those of images.
    """
    eligible = [image for image in images if image.moves_levels]
    if not eligible or not course.content:
        return []
    films = _with_times_between(eligible, score, times)
    first = np.flatnonzero(films.eligible)[:1]
    parameters = getattr(CourseParameters.from_json(course.content), score)
    levels = follow(films, first, parameters)
    ends = band(levels.smoothed_level, levels.smoothed_sd, getattr(course, score))
    # Of a day of which one image has a date alone, all count as of its beginning.
    origin = min(image.at - image.days * _DAY for image in images)
    return [
        Moment(origin + (eligible[0].days + days) * _DAY, Band(level, low, high))
        for days, level, low, high in zip(
            films.days.tolist(), *(end.tolist() for end in ends), strict=True
        )
    ]


def _with_times_between(images: Sequence[CourseImage], score: str, times: int) -> Films:
    """Return images as films of one series, with rows that ask for the level between them."""
    days = np.array([image.days - images[0].days for image in images])
    between = np.setdiff1d(np.linspace(days[0], days[-1], times), days)
    points = np.array([getattr(image, score).raw for image in images], dtype=float)
    order = np.argsort(np.concatenate([days, between]), kind="stable")
    nothing = np.full(len(between), np.nan)
    codes = np.array([view_code(image.view) for image in images], dtype=np.int8)
    return Films(
        series=np.zeros(len(order), dtype=np.int64),
        days=np.concatenate([days, between])[order],
        points=np.concatenate([points, nothing])[order],
        views=np.concatenate([codes, np.zeros(len(between), dtype=np.int8)])[order],
        eligible=np.concatenate([np.ones(len(days), bool), np.zeros(len(between), bool)])[order],
        conversions=_conversions([getattr(image, score) for image in images], nothing, order),
    )


def _conversions(
    assessments: Sequence[Assessment], nothing: Numbers, order: Indices
) -> Conversions | None:
    """Return what a bridge added to the errors of images; None where it converted none."""
    if all(assessment.former is None for assessment in assessments):
        return None
    shared, own = (
        np.concatenate([[getattr(each, name) for each in assessments], np.zeros_like(nothing)])
        for name in ("shared_sd", "own_sd")
    )
    return Conversions(shared[order], own[order])
