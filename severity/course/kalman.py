"""The exact Kalman filter and smoother of many series at once.

The state of a series is its patient's usual level, how far the level now deviates from that, the
level at the baseline, and what each view but PA adds to scores. The deviation walks at random and
decays (an Ornstein-Uhlenbeck process; without decay a random walk); the others stay.

References
----------
* Durbin and Koopman, Time Series Analysis by State Space Methods, 2nd edition, sections 4.3 and
  4.4: the filter, and the smoother that inverts nothing, so that a state may be known exactly.
"""

from dataclasses import dataclass

import numpy as np

from severity.course.packing import Packing
from severity.course.parameters import ScoreParameters
from severity.course.series import NOWHERE, VIEWS, Films, Flags, Indices, Numbers

_DEVIATION, _USUAL, _BASELINE, _SHIFTS = 0, 1, 2, 3  # places in the state; shifts start there
_STATES = _SHIFTS + len(VIEWS) - 1  # PA adds nothing
_KEPT = 2  # rows of the covariance that smoothing needs: of the level and of the change


@dataclass(frozen=True, eq=False)
class Estimates:
    """Level, and its change since the baseline, with variances: arrays of shape (N,)."""

    level: Numbers
    level_variance: Numbers
    change: Numbers
    change_variance: Numbers


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What each film was expected to show, from the films before it; shape (N,)."""

    mean: Numbers
    variance: Numbers


@dataclass(frozen=True, eq=False)
class _Inputs:
    """The rows of `Films`, packed."""

    observed: Flags
    points: Numbers
    loadings: Numbers  # (states, N): what a film shows of the state
    copied: Flags  # the level becomes the baseline's
    decay: Numbers  # share of the deviation that is left at the next row
    noise: Numbers  # variance that it gains until then


class Filter:
    """The filter's pass over films, and what the smoother needs of it.

    Parameters
    ----------
    films
        Of S series.
    baselines
        Shape (S,): the row of each series' baseline, or `NOWHERE`.
    """

    def __init__(self, films: Films, baselines: Indices, parameters: ScoreParameters) -> None:
        self._packing = Packing(films)
        self._inputs = _inputs(films, baselines, parameters, self._packing)
        rows = len(films)
        self._gain = np.zeros((_STATES, rows))
        self._surprise, self._precision = np.zeros(rows), np.zeros(rows)
        self._mean = np.empty((_KEPT, rows))
        self._covariance = np.empty((_KEPT, _STATES, rows))
        self._estimates = np.empty((4, rows))
        self._forecasts = np.empty((2, rows))
        self._run(films, parameters)

    def estimates(self) -> Estimates:
        """Return level and change at each row, from the films up to and including it."""
        return Estimates(*self._estimates[:, self._packing.position])

    def forecasts(self) -> Forecasts:
        """Return what each film was expected to show, from the films before it."""
        return Forecasts(*self._forecasts[:, self._packing.position])

    def _run(self, films: Films, parameters: ScoreParameters) -> None:
        mean, covariance = _start(films, parameters, self._packing.ranked)
        inputs = self._inputs
        for step in self._packing.steps():
            series = step.stop - step.start
            mean, covariance = mean[:, :series], covariance[:, :, :series]
            self._mean[:, step] = _level_and_change(mean)
            self._covariance[:, :, step] = _level_and_change(covariance)
            self._observe(step, mean, covariance, error=parameters.error**2)
            _copy_level(mean, covariance, inputs.copied[step])
            decay = inputs.decay[step]
            mean[_DEVIATION] *= decay
            covariance[_DEVIATION] *= decay
            covariance[:, _DEVIATION] *= decay
            covariance[_DEVIATION, _DEVIATION] += inputs.noise[step]

    def _observe(self, step: slice, mean: Numbers, covariance: Numbers, *, error: float) -> None:
        """Take in a film of each series; the mean and the covariance change in place."""
        loadings, observed = self._inputs.loadings[:, step], self._inputs.observed[step]
        shown = np.einsum("ijn,jn->in", covariance, loadings)
        expected = np.einsum("in,in->n", loadings, mean)
        variance = np.einsum("in,in->n", loadings, shown) + error
        self._forecasts[:, step] = expected, variance
        precision = np.where(observed, 1 / variance, 0)
        gain = shown * precision
        surprise = np.where(observed, self._inputs.points[step] - expected, 0)
        mean += gain * surprise
        covariance -= shown[:, None] * gain
        level, change = _level_and_change(covariance)
        self._estimates[0::2, step] = _level_and_change(mean)
        self._estimates[1::2, step] = _of_level(level), _of_change(change)
        self._gain[:, step], self._precision[step] = gain, precision
        self._surprise[step] = surprise * precision

    def smoothed(self) -> Estimates:
        """Return level and change at each row, from all films of its series."""
        smoothed = np.empty_like(self._estimates)
        series = len(self._packing.ranked)
        score, information = np.zeros((_STATES, series)), np.zeros((_STATES, _STATES, series))
        for step in reversed(list(self._packing.steps())):
            active = slice(0, step.stop - step.start)
            score_now, information_now = score[:, active], information[:, :, active]
            decay = self._inputs.decay[step]
            score_now[_DEVIATION] *= decay
            information_now[_DEVIATION] *= decay
            information_now[:, _DEVIATION] *= decay
            _copy_back(score_now, information_now, self._inputs.copied[step])
            self._observe_back(step, score_now, information_now)
            smoothed[:, step] = self._corrected(step, score_now, information_now)
        return Estimates(*smoothed[:, self._packing.position])

    def _observe_back(self, step: slice, score: Numbers, information: Numbers) -> None:
        loadings, gain = self._inputs.loadings[:, step], self._gain[:, step]
        score += loadings * (self._surprise[step] - np.einsum("in,in->n", gain, score))
        weighted = np.einsum("ijn,jn->in", information, gain)
        own = self._precision[step] + np.einsum("in,in->n", gain, weighted)
        crossed = weighted[:, None] * loadings
        information += loadings[:, None] * loadings * own
        information -= crossed + crossed.swapaxes(0, 1)

    def _corrected(self, step: slice, score: Numbers, information: Numbers) -> Numbers:
        """Correct the level and the change that the filter expected by all later films."""
        corrected = np.empty((4, step.stop - step.start))
        corrected[0::2] = self._mean[:, step]
        for place, of_own in enumerate((_of_level, _of_change)):
            row = self._covariance[place, :, step]
            learned = np.einsum("ijn,jn->in", information, row)
            corrected[2 * place] += np.einsum("in,in->n", row, score)
            corrected[2 * place + 1] = of_own(row) - np.einsum("in,in->n", row, learned)
        return corrected


def _inputs(
    films: Films, baselines: Indices, parameters: ScoreParameters, packing: Packing
) -> _Inputs:
    copied = np.zeros(len(films), dtype=bool)
    copied[baselines[baselines != NOWHERE]] = True
    order, (decay, noise) = packing.order, _moves(films, parameters)
    return _Inputs(
        observed=films.eligible[order],
        points=films.points[order],
        loadings=_loadings(films)[:, order],
        copied=copied[order],
        decay=decay[order],
        noise=noise[order],
    )


def _loadings(films: Films) -> Numbers:
    """Return what a film shows of the state: the level, and what its view adds."""
    loadings = np.zeros((_STATES, len(films)))
    loadings[[_DEVIATION, _USUAL]] = 1
    for code in range(1, len(VIEWS)):
        loadings[_SHIFTS + code - 1] = films.views == code
    return loadings


def _moves(films: Films, parameters: ScoreParameters) -> tuple[Numbers, Numbers]:
    """Return what is left of a deviation at the next row of its series, and what it gains."""
    gaps = np.diff(films.days, append=0)
    gaps[films.starts + films.counts - 1] = 0
    if not parameters.reversion:
        # A random walk starts at the first eligible film: nothing is known to move before it.
        gaps[np.arange(len(films)) < films.first_eligible[films.series]] = 0
        return np.ones(len(films)), parameters.process_noise * gaps
    decay = np.exp(-parameters.reversion * gaps)
    return decay, parameters.stationary_variance * (1 - decay**2)


def _start(films: Films, parameters: ScoreParameters, ranked: Indices) -> tuple[Numbers, Numbers]:
    """Return the mean (states, S) and covariance (states, states, S) before any film."""
    first_views = films.views[films.first_eligible[ranked]]
    shifts = [parameters.view_shift[view] for view in VIEWS[1:]]
    mean = np.zeros((_STATES, len(ranked)))
    mean[_USUAL] = np.array([parameters.prior_mean[view] for view in VIEWS])[first_views]
    mean[_SHIFTS:] = np.array([[shift.mean] for shift in shifts])
    levels = (parameters.stationary_variance, parameters.prior_sd**2, 0)
    variances = [*levels, *(shift.sd**2 for shift in shifts)]
    return mean, np.repeat(np.diag(variances)[:, :, None], len(ranked), axis=2)


def _copy_level(mean: Numbers, covariance: Numbers, copied: Flags) -> None:
    """Let the level be the baseline's too, where a row is the baseline."""
    where = np.flatnonzero(copied)
    mean[_BASELINE, where] = mean[_DEVIATION, where] + mean[_USUAL, where]
    covariance[_BASELINE, :, where] = (
        covariance[_DEVIATION, :, where] + covariance[_USUAL, :, where]
    )
    covariance[:, _BASELINE, where] = (
        covariance[:, _DEVIATION, where] + covariance[:, _USUAL, where]
    )


def _copy_back(score: Numbers, information: Numbers, copied: Flags) -> None:
    """Undo `_copy_level`, backwards: what was learned of the baseline was learned of the level."""
    where = np.flatnonzero(copied)
    for part in (_DEVIATION, _USUAL):
        score[part, where] += score[_BASELINE, where]
        information[part, :, where] += information[_BASELINE, :, where]
    score[_BASELINE, where] = 0
    information[_BASELINE, :, where] = 0
    for part in (_DEVIATION, _USUAL):
        information[:, part, where] += information[:, _BASELINE, where]
    information[:, _BASELINE, where] = 0


def _level_and_change(state: Numbers) -> Numbers:
    """Return the level, and its change since the baseline, of a mean or of covariances' rows."""
    level = state[_DEVIATION] + state[_USUAL]
    return np.stack((level, level - state[_BASELINE]))


def _of_level(row: Numbers) -> Numbers:
    """Return the covariance with the level, where ``row`` holds those with the state."""
    covariance: Numbers = row[_DEVIATION] + row[_USUAL]
    return covariance


def _of_change(row: Numbers) -> Numbers:
    covariance: Numbers = _of_level(row) - row[_BASELINE]
    return covariance
