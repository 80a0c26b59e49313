"""How much a score moves although the patient does not: its standard error of measurement."""

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
        """The whole day."""
        return math.floor(self.days)


def within_24_hours(one: Moment, other: Moment) -> bool:
    """Tell whether two images count as taken within 24 hours.

    Where both hours are known, they decide. Else the images must be of the same day or of two
    days in a row, which may be up to 48 hours: days say no finer.
    """
    if one.hour_known and other.hour_known:
        return abs(one.days - other.days) <= _HOURS_24
    return abs(one.day - other.day) <= 1


def repeat_sets(
    patients: Sequence[str],
    moments: Sequence[Moment | None],
    copies: Collection[tuple[int, int]] = (),
) -> list[tuple[int, ...]]:
    """Find images of one patient within 24 hours.

    No image is in two sets: of images on days 0, 1, 2 and 3 the first two are one set and the
    last two another, so that each difference counts once.

    Parameters
    ----------
    patients
        Of each image; empty where nobody is known, and such an image repeats none.
    moments
        Of each image; None where nothing is known.
    copies
        Pairs of images, by place, that show one exposure
        (`severity.evaluation.duplicates.near_duplicates`): the later one takes no part.

    Returns
    -------
    The images of each set by place, in time's order; at least two a set.
    """
    by_patient: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for place, (patient, moment) in enumerate(zip(patients, moments, strict=True)):
        if patient and moment is not None:
            by_patient[patient].append((moment.days, place))
    known = {frozenset(pair) for pair in copies}
    in_time = [[place for _, place in sorted(images)] for images in by_patient.values()]
    return [
        tuple(one)
        for images in in_time
        for one in _together(_without_copies(images, known), moments)
        if len(one) >= _FEWEST
    ]


def _without_copies(images: Sequence[int], copies: Collection[frozenset[int]]) -> list[int]:
    kept: list[int] = []
    for image in images:
        if not any(frozenset((image, before)) in copies for before in kept):
            kept.append(image)
    return kept


def _together(images: Sequence[int], moments: Sequence[Moment | None]) -> Iterator[list[int]]:
    """Split images in time's order: each part is within 24 hours of its first image."""
    part: list[int] = []
    for image in images:
        first, this = moments[part[0]] if part else None, moments[image]
        if first is not None and this is not None and not within_24_hours(first, this):
            yield part
            part = []
        part.append(image)
    yield part


def standard_error(points: Numbers, sets: Sequence[object]) -> StandardError | None:
    """Estimate the standard error of measurement from values that should be the same.

    It is the within-set standard deviation, pooled over the sets; for pairs, the root mean
    square of the differences divided by the root of 2. Its interval is the one of a variance
    with as many degrees of freedom as there are values beyond the first of each set. It takes
    the noise to be normal and alike in all sets: where a few sets hold most of it, the interval
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
