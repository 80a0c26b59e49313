"""The exact Kalman filter and smoother of many series at once.

The state of a series is its patient's usual level, how far the level now deviates from that, the
level at the baseline, and what each view but PA adds to scores. The deviation walks at random and
decays (an Ornstein-Uhlenbeck process; without decay a random walk); it need not be zero on average
at the first film. The others stay. Where films were converted from another model version, one more
is how its scores of this patient differ.

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
class _Moves:
    """What becomes of deviations up to the next row of their series; arrays of shape (N,), packed.

    A share ``left`` of a deviation is left, and ``gained`` is added to its variance; of what was
    expected before any film, ``left_of_mean`` is left.
    """

    left: Numbers
    left_of_mean: Numbers
    gained: Numbers


class Observations:
    """Films as the filter takes them in, whatever the parameters; ``packing`` is their order."""

    def __init__(self, films: Films) -> None:
        self.films = films
        self.packing = Packing(films)
        order = self.packing.order
        self.seen = films.eligible[order]
        self.points = np.where(self.seen, films.points[order], 0)
        self.loadings = _loadings(films)[:, order]
        self._added = None if films.conversions is None else films.conversions.own[order] ** 2
        self._gaps = _gaps(films)[order]
        self._waiting = (np.arange(len(films)) < films.first_eligible[films.series])[order]

    def error_variance(self, parameters: ScoreParameters, step: slice) -> Numbers | float:
        """Return the variance of the error of some packed rows; conversion adds its own."""
        variance = parameters.error**2
        return variance if self._added is None else variance + self._added[step]

    def moves(self, parameters: ScoreParameters) -> _Moves:
        """Return how deviations move from row to row."""
        # A random walk starts at the first eligible film: nothing is known to move before it. Nor
        # is a level expected to move on average then: films that do not count change nothing.
        left = np.exp(-parameters.reversion * self._gaps)
        left_of_mean = np.where(self._waiting, 1, left)
        if not parameters.reversion:
            gaps = np.where(self._waiting, 0, self._gaps)
            return _Moves(left, left_of_mean, parameters.process_noise * gaps)
        return _Moves(left, left_of_mean, parameters.stationary_variance * (1 - left**2))

    def forecasts(self, parameters: ScoreParameters) -> Forecasts:
        """Return what each film was expected to show, from the films of its series before it."""
        mean, covariance = _start(self.films, parameters, self.packing.ranked)
        moves = self.moves(parameters)
        forecasts = np.empty((2, len(self.seen)))
        for step in self.packing.steps():
            series = step.stop - step.start
            mean, covariance = mean[:, :series], covariance[:, :, :series]
            variance = self.error_variance(parameters, step)
            update = _Update(self, step, mean, covariance, variance)
            forecasts[:, step] = update.expected, update.variance
            _move(mean, covariance, moves, step)
        return Forecasts(*forecasts[:, self.packing.position])


class _Update:
    """What one film of each series tells; the mean and the covariance take it in, in place."""

    def __init__(
        self,
        observations: Observations,
        step: slice,
        mean: Numbers,
        covariance: Numbers,
        error_variance: Numbers | float,
    ) -> None:
        loadings, seen = observations.loadings[:, step], observations.seen[step]
        shown = np.einsum("ijn,jn->in", covariance, loadings)
        self.expected = np.einsum("in,in->n", loadings, mean)
        self.variance = np.einsum("in,in->n", loadings, shown) + error_variance
        self.precision = seen / self.variance
        self.gain = shown * self.precision
        surprise = observations.points[step] - self.expected
        self.weighted_surprise = surprise * self.precision
        mean += shown * self.weighted_surprise
        covariance -= shown[:, None] * self.gain


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
        self._observations = Observations(films)
        self._packing = self._observations.packing
        copied = np.zeros(len(films), dtype=bool)
        copied[baselines[baselines != NOWHERE]] = True
        self._copied = copied[self._packing.order]
        self._moves = self._observations.moves(parameters)
        states, rows = self._observations.loadings.shape
        self._gain = np.empty((states, rows))
        self._weighted_surprise, self._precision = np.empty(rows), np.empty(rows)
        self._mean = np.empty((_KEPT, rows))
        self._covariance = np.empty((_KEPT, states, rows))
        self._estimates = np.empty((4, rows))
        self._run(parameters)

    def estimates(self) -> Estimates:
        """Return level and change at each row, from the films up to and including it."""
        return Estimates(*self._estimates[:, self._packing.position])

    def _run(self, parameters: ScoreParameters) -> None:
        films = self._observations.films
        mean, covariance = _start(films, parameters, self._packing.ranked)
        for step in self._packing.steps():
            series = step.stop - step.start
            mean, covariance = mean[:, :series], covariance[:, :, :series]
            self._mean[:, step] = _level_and_change(mean)
            self._covariance[:, :, step] = _level_and_change(covariance)
            error_variance = self._observations.error_variance(parameters, step)
            self._observe(step, mean, covariance, error_variance=error_variance)
            _copy_level(mean, covariance, self._copied[step])
            _move(mean, covariance, self._moves, step)

    def _observe(
        self, step: slice, mean: Numbers, covariance: Numbers, *, error_variance: Numbers | float
    ) -> None:
        update = _Update(self._observations, step, mean, covariance, error_variance)
        self._gain[:, step], self._precision[step] = update.gain, update.precision
        self._weighted_surprise[step] = update.weighted_surprise
        level, change = _level_and_change(covariance)
        self._estimates[0::2, step] = _level_and_change(mean)
        self._estimates[1::2, step] = _of_level(level), _of_change(change)

    def smoothed(self) -> Estimates:
        """Return level and change at each row, from all films of its series."""
        smoothed = np.empty_like(self._estimates)
        states, series = len(self._gain), len(self._packing.ranked)
        score, information = np.zeros((states, series)), np.zeros((states, states, series))
        for step in reversed(list(self._packing.steps())):
            active = slice(0, step.stop - step.start)
            score_now, information_now = score[:, active], information[:, :, active]
            left = self._moves.left[step]
            score_now[_DEVIATION] *= left
            information_now[_DEVIATION] *= left
            information_now[:, _DEVIATION] *= left
            _copy_back(score_now, information_now, self._copied[step])
            self._observe_back(step, score_now, information_now)
            smoothed[:, step] = self._corrected(step, score_now, information_now)
        return Estimates(*smoothed[:, self._packing.position])

    def _observe_back(self, step: slice, score: Numbers, information: Numbers) -> None:
        loadings, gain = self._observations.loadings[:, step], self._gain[:, step]
        score += loadings * (self._weighted_surprise[step] - np.einsum("in,in->n", gain, score))
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


def _loadings(films: Films) -> Numbers:
    """Return what a film shows of the state: the level, what its view adds, and its version."""
    loadings = np.zeros((_STATES + (films.conversions is not None), len(films)))
    if films.conversions is not None:
        loadings[_STATES] = films.conversions.shared
    loadings[[_DEVIATION, _USUAL]] = 1
    for code in range(1, len(VIEWS)):
        loadings[_SHIFTS + code - 1] = films.views == code
    return loadings


def _gaps(films: Films) -> Numbers:
    """Return the days from each row to the next of its series; 0 at its last."""
    gaps = np.diff(films.days, append=0)
    gaps[films.starts + films.counts - 1] = 0
    return gaps


def _start(films: Films, parameters: ScoreParameters, ranked: Indices) -> tuple[Numbers, Numbers]:
    """Return the mean (states, S) and covariance (states, states, S) before any film."""
    first_views = films.views[films.first_eligible[ranked]]
    shifts = [parameters.view_shift[view] for view in VIEWS[1:]]
    mean = np.zeros((_STATES + (films.conversions is not None), len(ranked)))
    mean[_DEVIATION] = parameters.first_deviation
    mean[_USUAL] = np.array([parameters.prior_mean[view] for view in VIEWS])[first_views]
    mean[_SHIFTS:_STATES] = np.array([[shift.mean] for shift in shifts])
    levels = (parameters.stationary_variance, parameters.prior_sd**2, 0)
    variances = [*levels, *(shift.sd**2 for shift in shifts)]
    variances += [1.0] * (len(mean) - _STATES)  # in units of the films' shared errors
    return mean, np.repeat(np.diag(variances)[:, :, None], len(ranked), axis=2)


def _move(mean: Numbers, covariance: Numbers, moves: _Moves, step: slice) -> None:
    """Let time pass up to the next row: the deviation decays, and walks."""
    left = moves.left[step]
    mean[_DEVIATION] *= moves.left_of_mean[step]
    covariance[_DEVIATION] *= left
    covariance[:, _DEVIATION] *= left
    covariance[_DEVIATION, _DEVIATION] += moves.gained[step]


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
    both = np.empty((2, *state.shape[1:]))
    both[0] = state[_DEVIATION] + state[_USUAL]
    both[1] = both[0] - state[_BASELINE]
    return both


def _of_level(row: Numbers) -> Numbers:
    """Return the covariance with the level, where ``row`` holds those with the state."""
    covariance: Numbers = row[_DEVIATION] + row[_USUAL]
    return covariance


def _of_change(row: Numbers) -> Numbers:
    covariance: Numbers = _of_level(row) - row[_BASELINE]
    return covariance
