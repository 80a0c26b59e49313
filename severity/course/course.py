"""Courses: level, bands, probabilities of change and verdicts at each film."""

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from scipy.special import ndtr

from severity.course.kalman import Estimates, Filter
from severity.course.parameters import ScoreParameters
from severity.course.series import NOWHERE, Codes, Films, Flags, Indices, Numbers
from severity.course.verdicts import verdicts

_SERIES_AT_ONCE = 1024  # what the filter needs of them stays near the processor


@dataclass(frozen=True, eq=False)
class Courses:
    """The courses of films: one row a film, arrays of shape (N,), in points or probabilities.

    Films of one time share all numbers. Levels are NaN before the first eligible film of a series,
    from which nobody knows one, and where it has none. Where it has no baseline, and at and before
    the baseline, the other numbers are NaN and verdicts `NO_VERDICT`.

    Parameters
    ----------
    level, sd
        The level and its standard deviation, from the films so far.
    smoothed_level, smoothed_sd
        The same from all films.
    worse, better, within
        The probability that the level lies above the baseline's by more than the margin, below it,
        or within; from the films so far.
    smoothed_worse, smoothed_better, smoothed_within
        The same from all films.
    smoothed_change, smoothed_change_sd
        How far the level lies above the baseline's, from all films.
    verdicts
        Codes of `severity.course.verdicts.VERDICTS`, from the films so far.
    """

    level: Numbers
    sd: Numbers
    smoothed_level: Numbers
    smoothed_sd: Numbers
    worse: Numbers
    better: Numbers
    within: Numbers
    smoothed_worse: Numbers
    smoothed_better: Numbers
    smoothed_within: Numbers
    smoothed_change: Numbers
    smoothed_change_sd: Numbers
    verdicts: Codes


def follow(films: Films, baselines: Indices, parameters: ScoreParameters) -> Courses:
    """Return the courses of many series: exact, and to rounding the same in any batch.

    Parameters
    ----------
    films
        Of S series; N rows. Rows that are not eligible are not observed: theirs is the level at
        their time.
    baselines
        Shape (S,): the row of each series' baseline, or `NOWHERE`.
    """
    # Without any series there is still a part, of empty arrays.
    bounds = [*range(0, len(films.starts), _SERIES_AT_ONCE), len(films.starts)]
    parts = [
        _follow(films.between(first, last), _within(films, baselines, first, last), parameters)
        for first, last in pairwise(bounds if len(bounds) > 1 else [0, 0])
    ]
    return Courses(*map(np.concatenate, zip(*map(_columns, parts), strict=True)))


def chances_so_far(
    films: Films, baselines: Indices, parameters: ScoreParameters
) -> tuple[Numbers, Numbers, Numbers]:
    """Return `Courses.worse`, ``better`` and ``within`` alone: no film is looked back at."""
    estimates = _taken(Filter(films, baselines, parameters).estimates(), _last_of_time(films))
    return _chances(estimates, _after_baseline(films, baselines), parameters.margin)


def _within(films: Films, baselines: Indices, first: int, last: int) -> Indices:
    """Return the baselines of some series as rows of these series' films."""
    own = baselines[first:last]
    return np.where(own == NOWHERE, NOWHERE, own - films.starts[first:last][:1])


def _columns(courses: Courses) -> list[Numbers]:
    return [getattr(courses, column.name) for column in fields(Courses)]


def _follow(films: Films, baselines: Indices, parameters: ScoreParameters) -> Courses:
    filtered = Filter(films, baselines, parameters)
    after, known = _after_baseline(films, baselines), _known(films)
    so_far = _taken(filtered.estimates(), _last_of_time(films))
    of_all = filtered.smoothed()
    chances = _chances(so_far, after, parameters.margin)
    return Courses(
        np.where(known, so_far.level, np.nan),
        np.where(known, np.sqrt(so_far.level_variance), np.nan),
        np.where(known, of_all.level, np.nan),
        np.where(known, np.sqrt(of_all.level_variance), np.nan),
        *chances,
        *_chances(of_all, after, parameters.margin),
        np.where(after, of_all.change, np.nan),
        np.where(after, np.sqrt(np.maximum(of_all.change_variance, 0)), np.nan),
        verdicts(*chances, thresholds=parameters.thresholds),
    )


def _taken(estimates: Estimates, rows: Indices) -> Estimates:
    return Estimates(*(getattr(estimates, column.name)[rows] for column in fields(Estimates)))


def _known(films: Films) -> Flags:
    """Return at which rows an eligible film of their series has been taken."""
    first = films.first_eligible
    exists: Flags = (first != NOWHERE)[films.series]
    taken: Flags = films.days >= films.days[first][films.series]
    return exists & taken


def _after_baseline(films: Films, baselines: Indices) -> Flags:
    """Return which rows lie later than their series' baseline."""
    exists: Flags = (baselines != NOWHERE)[films.series]
    later: Flags = films.days > films.days[baselines][films.series]
    return exists & later


def _last_of_time(films: Films) -> Indices:
    """Return, for each row, the last row of its series and time."""
    later = np.diff(films.days, append=np.inf) > 0
    last = np.flatnonzero(later | (np.diff(films.series, append=-1) != 0))
    return last[np.searchsorted(last, np.arange(len(films)))]


def _chances(estimates: Estimates, after: Flags, margin: float) -> tuple[Numbers, Numbers, Numbers]:
    """Return the probabilities of worse, better and within."""
    # A level that cannot move has a change without variance: 0 to either side of the margin.
    sd = np.sqrt(np.maximum(estimates.change_variance, np.finfo(float).tiny))
    worse = np.where(after, ndtr((estimates.change - margin) / sd), np.nan)
    better = np.where(after, ndtr((-margin - estimates.change) / sd), np.nan)
    return worse, better, np.maximum(1 - worse - better, 0)
