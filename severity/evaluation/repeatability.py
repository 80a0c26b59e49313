"""Test-retest variability: the standard error of measurement of a score."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from severity.domain import Interval, StandardError
from severity.evaluation.agreement import CONFIDENCE, Numbers

_FEWEST = 2  # images that make a set of repeats
_HOURS_24 = 1.0  # in days


@dataclass(frozen=True)
class Moment:
    """When an image was taken, in days; ``hour_known`` is false where only the day is known."""

    days: float
    hour_known: bool = False

    @property
    def day(self) -> int:
        """The day as a whole number."""
        return math.floor(self.days)


def within_24_hours(first: Moment, second: Moment) -> bool:
    """Return whether two images count as taken within 24 hours.

    Where both hours are known, they decide. Else the images must be of the same day or of two
    days in a row, which may be up to 48 hours: days are no finer.
    """
    if first.hour_known and second.hour_known:
        return abs(first.days - second.days) <= _HOURS_24
    return abs(first.day - second.day) <= 1


def repeat_sets(
    patients: Sequence[str],
    moments: Sequence[Moment | None],
    copies: Collection[tuple[int, int]] = (),
) -> list[tuple[int, ...]]:
    """Return the sets of images of one patient within 24 hours.

    No image is in two sets: of images on days 0, 1, 2 and 3 the first two are one set and the
    last two another, so that each difference counts once.

    Parameters
    ----------
    patients
        The patient of each image; empty where unknown: such an image repeats no other.
    moments
        The time of each image; None where unknown.
    copies
        Pairs of images, by place, that show one exposure
        (`severity.evaluation.duplicates.near_duplicates`): the later of the two is left out.

    Returns
    -------
    The images of each set by place, in time's order; at least two a set.
    """
    by_patient: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for place, (patient, moment) in enumerate(zip(patients, moments, strict=True)):
        if patient and moment is not None:
            by_patient[patient].append((moment.days, place))
    copied = {frozenset(pair) for pair in copies}
    in_time = [[place for _, place in sorted(images)] for images in by_patient.values()]
    return [
        tuple(part)
        for images in in_time
        for part in _together(_without_copies(images, copied), moments)
        if len(part) >= _FEWEST
    ]


def _without_copies(images: Sequence[int], copies: Collection[frozenset[int]]) -> list[int]:
    distinct: list[int] = []
    for image in images:
        if not any(frozenset((image, earlier)) in copies for earlier in distinct):
            distinct.append(image)
    return distinct


def _together(images: Sequence[int], moments: Sequence[Moment | None]) -> Iterator[list[int]]:
    """Split images in time's order: each part is within 24 hours of its first image."""
    part: list[int] = []
    for image in images:
        first, current = moments[part[0]] if part else None, moments[image]
        if first is not None and current is not None and not within_24_hours(first, current):
            yield part
            part = []
        part.append(image)
    yield part


def standard_error(points: Numbers, sets: Sequence[object]) -> StandardError | None:
    """Estimate the standard error of measurement from values that should be the same.

    It is the within-set standard deviation, pooled over the sets; for pairs, the root mean
    square of the differences divided by the root of 2. Its interval is the one of a variance
    with as many degrees of freedom as there are values beyond the first of each set. It assumes
    errors that are normal and alike in all sets: where a few sets hold most of them, the interval
    is too narrow.

    Parameters
    ----------
    points
        Shape (N,).
    sets
        The set of each value.

    Returns
    -------
    None where no set has two values.

    References
    ----------
    * Bland and Altman, BMJ 312:1654 (1996), measurement error.
    """
    _, members, counts = np.unique(np.asarray(sets), return_inverse=True, return_counts=True)
    degrees = int(len(points) - len(counts))
    if not degrees:
        return None
    means = np.bincount(members, points) / counts
    squares = float(((points - means[members]) ** 2).sum())
    beyond = (1 - CONFIDENCE) / 2
    high, low = chi2.ppf((beyond, 1 - beyond), degrees)
    return StandardError(
        points=math.sqrt(squares / degrees),
        interval=Interval(math.sqrt(squares / low), math.sqrt(squares / high)),
        degrees=degrees,
    )
