"""Check courses by prediction: whether the next films lie where they were expected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

from severity.course.kalman import Forecasts, Observations
from severity.course.parameters import ScoreParameters
from severity.course.series import Films, Indices
from severity.domain import Interval

SHARE = 0.9
"""The share of next films that their predicted intervals should hold."""

NUMBERS_BEFORE = ((1, 1), (2, 2), (3, 3), (4, 6), (7, 9), (10, 1000))
"""Numbers of earlier films, from and to, for which the share is counted apart."""

Learn = Callable[[Films], ScoreParameters]

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Held:
    """How many next films their 90 % intervals held, with ``before`` films known of the series.

    ``half_width`` is the mean half width of the intervals in points.
    """

    before: tuple[int, int]
    films: int
    held: int
    half_width: float

    @property
    def share(self) -> float:
        """The share of films that their intervals held."""
        return self.held / self.films if self.films else float("nan")

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the share."""
        return share_interval(self.held, self.films)


def share_interval(held: int, films: int) -> Interval:
    """Return the 95 % interval of the share of films that were held, as if they were independent.

    References
    ----------
    * Clopper and Pearson, Biometrika 26:404 (1934).
    """
    tail, missed = (1 - _CONFIDENCE) / 2, films - held
    low = beta.ppf(tail, held, missed + 1) if held else 0.0
    high = beta.ppf(1 - tail, held + 1, missed) if missed else 1.0
    return Interval(float(low), float(high))


def patient_folds(patients: NDArray[np.generic], folds: int) -> Indices:
    """Return in which fold each entry is left out: all of a patient in one, always the same."""
    names, of_patient = np.unique(patients, return_inverse=True)
    drawn: Indices = np.random.default_rng(0).permutation(len(names))
    return drawn[of_patient] % folds


def held_out_forecasts(
    films: Films, patients: Sequence[str], learn: Learn, *, folds: int = 10
) -> Forecasts:
    """Forecast each patient's films with parameters learned from other patients.

    Parameters
    ----------
    films
        Of S series.
    patients
        The patient of each series, shape (S,): one patient's series are in one fold.
    learn
        Everything that is learned or chosen, from the films of the other folds.

    Returns
    -------
    What each film was expected to show, shape (N,); not NaN for rows that are not eligible.
    """
    fold = patient_folds(np.asarray(patients), folds)
    mean, variance = np.empty(len(films)), np.empty(len(films))
    for left_out in range(folds):
        tested = np.flatnonzero(fold == left_out)
        parameters = learn(films.of(np.flatnonzero(fold != left_out)))
        rows = np.isin(films.series, tested)
        forecasts = forecasts_of(films.of(tested), parameters)
        mean[rows], variance[rows] = forecasts.mean, forecasts.variance
    return Forecasts(mean, variance)


def forecasts_of(films: Films, parameters: ScoreParameters) -> Forecasts:
    """Return what each film was expected to show, from the films of its series before it."""
    return Observations(films).forecasts(parameters)


def held_by_number_before(films: Films, forecasts: Forecasts) -> list[Held]:
    """Count the eligible films within their predicted 90 % intervals.

    Returns
    -------
    One for each of `NUMBERS_BEFORE`, by the number of the series' eligible films before.
    """
    half_widths = norm.ppf((1 + SHARE) / 2) * np.sqrt(forecasts.variance)
    held = np.abs(films.points - forecasts.mean) <= half_widths
    before = _eligible_before(films)
    counts = []
    for first, last in NUMBERS_BEFORE:
        rows = films.eligible & (before >= first) & (before <= last)
        width = float(half_widths[rows].mean()) if rows.any() else float("nan")
        counts.append(Held((first, last), int(rows.sum()), int(held[rows].sum()), width))
    return counts


def mean_log_density(films: Films, forecasts: Forecasts) -> float:
    """Return the mean logarithm of the density of next films: more is a better forecast."""
    rows = films.eligible & (_eligible_before(films) > 0)
    sd = np.sqrt(forecasts.variance[rows])
    return float(norm.logpdf(films.points[rows], forecasts.mean[rows], sd).mean())


def _eligible_before(films: Films) -> Indices:
    """Return how many eligible films of its series lie before each row."""
    counted = films.eligible.astype(np.int64)
    so_far = np.cumsum(counted) - counted
    return so_far - so_far[films.starts][films.series]
