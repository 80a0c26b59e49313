"""EWMA charts of nightly values: what is in control, what is not, and since when.

A chart follows one number of films (or of pairs of films): the night's mean, less what is expected
of its views and of its kind of day, is smoothed, and leaves its limits when it is further from zero
than chance takes it. What is expected is learned from the first nights, and again each four weeks.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

REFERENCE_NIGHTS = 35
"""Nights with films that a chart learns from before it judges one: five of each day of the week."""
SMOOTHING = 0.3
"""Weight of the last night (lambda): small shifts would need less, four nights no other."""
LIMIT = 4.0
"""Standard errors of the smoothed value from zero to either limit. Chosen by simulation, so that
all charts of a site together raise at most one false alarm a year (`severity.drift.simulation`)."""

_LEARNED_AGAIN_AFTER = 28  # nights
_GUARD = 14  # the last nights, which a drift that is not seen yet may have reached
_SHRINKAGE = 10  # films: a view that is rare is expected to be like the others
_FEWEST_DEGREES = 20  # of freedom, below which nights are too small to tell films from nights
_EPOCH = date(1970, 1, 1)
_SATURDAY = 5


@dataclass(frozen=True)
class Nights:
    """The films of T nights in order, by V views; each night has a film.

    Attributes
    ----------
    days
        Shape (T,), int64, days since 1970-01-01, ascending.
    films
        Shape (T, V): how many films (or pairs).
    totals, squares
        Shape (T, V): the sums of their values, and of the squares of these.
    """

    days: NDArray[np.int64]
    films: NDArray[np.float64]
    totals: NDArray[np.float64]
    squares: NDArray[np.float64]

    def part(self, which: slice) -> "Nights":
        """Return some of the nights."""
        return Nights(self.days[which], self.films[which], self.totals[which], self.squares[which])


def relative_to_others(nights: Nights, site: Nights) -> Nights:
    """Return a device's nights less what the films of all other devices showed in the same night.

    What all patients of a night have in common is gone then, and what one device does is left.

    Parameters
    ----------
    site
        All films, with those of the device. Nights on which it has no others are left out.
    """
    rows = np.searchsorted(site.days, nights.days)
    films, totals = site.films[rows] - nights.films, site.totals[rows] - nights.totals
    shared = films.sum(axis=1) > 0
    others_then = Nights(nights.days[shared], films[shared], totals[shared], films[shared])
    reference = others_then.part(slice(REFERENCE_NIGHTS))
    means = _means(reference) if reference.films.any() else np.zeros((2, films.shape[1]))
    expected = films * means[_is_weekend(nights.days).astype(int)]
    others = ((totals - expected).sum(axis=1) / films.sum(axis=1).clip(1))[:, None]
    relative = nights.totals - nights.films * others
    squares = nights.squares - 2 * others * nights.totals + nights.films * others**2
    return Nights(nights.days[shared], nights.films[shared], relative[shared], squares[shared])


@dataclass(frozen=True)
class Chart:
    """A smoothed value and its limits of T nights; NaN while the chart learns.

    Attributes
    ----------
    days
        Shape (T,), int64, days since 1970-01-01.
    smoothed
        Shape (T,): the exponentially weighted mean of what nights differ from the expected by.
    limit
        Shape (T,): how far from zero it may be.
    """

    days: NDArray[np.int64]
    smoothed: NDArray[np.float64]
    limit: NDArray[np.float64]

    @property
    def is_learning(self) -> bool:
        """Whether no night could be judged yet."""
        return not np.isfinite(self.limit).any()

    @property
    def is_out(self) -> NDArray[np.bool_]:
        """Which nights are beyond a limit, shape (T,)."""
        return np.abs(self.smoothed) > self.limit

    @property
    def shift(self) -> float:
        """By how much the last night's smoothed value differs from the expected one."""
        return float(self.smoothed[-1])

    @property
    def alarm_since(self) -> date | None:
        """Since when the value is on the side where it is out of control now; None in control.

        That is where a shift probably began: it is seen some nights later (Nishina 1992, Quality
        and Reliability Engineering International 8:537).
        """
        if self.is_learning or not self.is_out[-1]:
            return None
        other_side = np.flatnonzero(~(self.smoothed * self.smoothed[-1] > 0))
        return _EPOCH + timedelta(days=int(self.days[other_side[-1] + 1 if len(other_side) else 0]))


@dataclass(frozen=True)
class _Expected:
    """What a chart has learned.

    ``means`` are by kind of day and view, shape (2, V). ``variance`` is that of the smoothed
    value, apart from the sampling of its films.
    """

    means: NDArray[np.float64]
    film_variance: float
    variance: float


def chart(nights: Nights, *, persistence: float) -> Chart:
    """Chart nightly values.

    Parameters
    ----------
    persistence
        Assumed correlation between the means of successive nights, beyond the sampling of films.
        It cannot be estimated from few nights.

    Returns
    -------
    One value and limit a night. After an alarm nothing more is learned: what is expected stays
    what it was before.

    References
    ----------
    * Roberts 1959, Technometrics 1:239: control chart tests based on geometric moving averages.
    * Schmid 1997, Sequential Analysis 16:1: EWMA charts for autocorrelated processes.
    """
    smoothed, limit = np.full((2, len(nights.days)), np.nan)
    state, expected = _State(), None
    for start in range(REFERENCE_NIGHTS, len(nights.days), _LEARNED_AGAIN_AFTER):
        block = slice(start, start + _LEARNED_AGAIN_AFTER)
        if expected is None:
            expected = _learn(nights.part(slice(start)), persistence)
        elif not (np.abs(smoothed[:start]) > limit[:start]).any():
            expected = _learn(nights.part(slice(start - _GUARD)), persistence)
        smoothed[block], limit[block], state = _follow(nights.part(block), expected, state)
    return Chart(nights.days, smoothed, limit)


@dataclass(frozen=True)
class _State:
    """The smoothed value, and the part of its variance that is the sampling of films."""

    smoothed: float = 0.0
    variance: float = 0.0


def _follow(
    nights: Nights, expected: _Expected, state: _State
) -> tuple[NDArray[np.float64], NDArray[np.float64], _State]:
    """Smooth nights that follow a state; return their values, their limits and the last state."""
    variances = expected.film_variance / nights.films.sum(axis=1)
    states = []
    for residual, variance in zip(_residuals(nights, expected.means), variances, strict=True):
        state = _State(
            (1 - SMOOTHING) * state.smoothed + SMOOTHING * float(residual),
            (1 - SMOOTHING) ** 2 * state.variance + SMOOTHING**2 * float(variance),
        )
        states.append(state)
    sampling = np.array([state.variance for state in states])
    limits = LIMIT * np.sqrt(sampling + expected.variance)
    return np.array([state.smoothed for state in states]), limits, state


def _learn(nights: Nights, persistence: float) -> _Expected:
    """Estimate what is expected of a night, and how much films and nights vary."""
    means, films = _means(nights), nights.films.sum(axis=1)
    of_films = _film_variance(nights, means)
    of_nights = _night_variance(_residuals(nights, means), films, of_films)
    kept = persistence * (1 - SMOOTHING)
    smoothed = of_nights * SMOOTHING / (2 - SMOOTHING) * (1 + kept) / (1 - kept)
    long_run = of_nights * (1 + persistence) / (1 - persistence)
    # What is expected is itself an estimate.
    of_mean = long_run / len(films) + of_films / float(films.sum())
    return _Expected(means, of_films, smoothed + of_mean)


def _means(nights: Nights) -> NDArray[np.float64]:
    """Return the mean of each view on working days and at weekends, shape (2, V)."""
    kinds = [_is_weekend(nights.days) == kind for kind in (False, True)]
    films = np.array([nights.films[kind].sum(axis=0) for kind in kinds])
    totals = np.array([nights.totals[kind].sum(axis=0) for kind in kinds])
    overall = totals.sum() / films.sum()
    means: NDArray[np.float64] = (totals + _SHRINKAGE * overall) / (films + _SHRINKAGE)
    return means


def _is_weekend(days: NDArray[np.int64]) -> NDArray[np.bool_]:
    is_weekend: NDArray[np.bool_] = (days + _EPOCH.weekday()) % 7 >= _SATURDAY
    return is_weekend


def _residuals(nights: Nights, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much the mean of each night differs from the expected one, shape (T,)."""
    expected = nights.films * means[_is_weekend(nights.days).astype(int)]
    residuals: NDArray[np.float64] = (nights.totals - expected).sum(axis=1)
    residuals /= nights.films.sum(axis=1)
    return residuals


def _film_variance(nights: Nights, means: NDArray[np.float64]) -> float:
    """Return the variance of films of one night and view; of all, where nights have one each."""
    films = nights.films
    degrees = float((films - 1).clip(0).sum())
    if degrees >= _FEWEST_DEGREES:
        within = nights.squares - nights.totals**2 / films.clip(1)
        return max(float(within.sum()) / degrees, 0.0)
    expected = means[_is_weekend(nights.days).astype(int)]
    squares = nights.squares - 2 * nights.totals * expected + films * expected**2
    return float(squares.sum() / films.sum())


def _night_variance(
    residuals: NDArray[np.float64], films: NDArray[np.float64], film_variance: float
) -> float:
    """Return by how much nights vary beyond the films of which they consist.

    References
    ----------
    * DerSimonian and Laird 1986, Controlled Clinical Trials 7:177.
    """
    if film_variance == 0:
        return float(residuals.var())
    weights = films / film_variance
    mean = (weights * residuals).sum() / weights.sum()
    excess = (weights * (residuals - mean) ** 2).sum() - (len(films) - 1)
    return max(float(excess / (weights.sum() - (weights**2).sum() / weights.sum())), 0.0)
