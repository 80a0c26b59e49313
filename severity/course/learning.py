"""Learn the parameters of courses from many patients, by maximum marginal likelihood.

The likelihood is the filter's: of each film, given the films before it. Nothing is assumed but
weak priors on how views shift a score, which few patients show: those whose view changes; and on
how far from their usual level patients come, which is not seen where levels hardly return.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.stats import chi2, norm

from severity.course.kalman import Observations
from severity.course.parameters import ScoreParameters, Shift, Thresholds
from severity.course.series import VIEWS, Films, Indices, Numbers, view_code
from severity.domain import Interval, StandardError, View

MOST_SERIES = 5000
"""The most series that a set is learned from: they tell its numbers to a few hundredths."""

FEWEST_SERIES, FEWEST_FILMS = 200, 3
"""The series, and the films of each, from which a site learns its own set."""

_SHIFTED = (View.AP, View.AP_SUPINE)
_KNOWN_VIEWS = (View.PA, *_SHIFTED)
_EXPECTED_SHIFT_SD = 1.5  # points: of the prior of a view's mean shift
_EXPECTED_SPREAD = (0.5, 0.7)  # of the prior of a shift's deviation: median in points, log sd
_EXPECTED_FIRST_DEVIATION_SD = 1.5  # points: where levels hardly return, films cannot tell it
_SAME_PRIOR_MEAN_SD = 1.0  # points by which patients' usual levels differ by first view
_ANY_THRESHOLDS = Thresholds(0.5, 0.5)  # which no likelihood depends on
_PRECISION = 1e-7  # of the likelihood, relative
_FIRST_STEP, _MOST_STEPS = 0.3, 5  # of the way to an end of an interval
_LONGEST_STRIDE = 5.0  # by which a step may grow at once
_CLOSE = 0.05  # standard errors by which an end may be missed
_HOURS_24 = 1.0  # in days
_CONFIDENCE = 0.95
_TWO_SIDED = float(norm.ppf((1 + _CONFIDENCE) / 2))


@dataclass(frozen=True)
class _Coordinate:
    """One number of the search: logarithms of what is positive."""

    name: str
    start: float
    low: float
    high: float
    positive: bool

    def value(self, place: float) -> float:
        """Return the parameter at a place of the search."""
        return float(np.exp(place)) if self.positive else float(place)


def _positive(name: str, start: float, low: float, high: float) -> _Coordinate:
    first, lowest, highest = np.log((start, low, high)).tolist()
    return _Coordinate(name, first, lowest, highest, positive=True)


_COORDINATES = (
    _positive("error", 0.8, 0.1, 5),
    _positive("process_noise", 0.3, 1e-4, 20),
    _positive("reversion", 0.2, 0.002, 3),
    _positive("prior_sd", 1, 0.05, 8),
    _Coordinate("first_deviation", 0, -8, 8, positive=False),
    *(_Coordinate(f"prior_mean {view}", 3, -20, 30, positive=False) for view in _KNOWN_VIEWS),
    *(_Coordinate(f"view_shift {view}", 0.5, -8, 8, positive=False) for view in _SHIFTED),
    *(_positive(f"view_shift_sd {view}", 0.5, 0.02, 5) for view in _SHIFTED),
)
_PLACES = {coordinate.name: place for place, coordinate in enumerate(_COORDINATES)}

# A level that walks at random neither returns nor has a usual level to deviate from.
_OF_REVERTING = {"reversion": -np.inf, "first_deviation": 0.0}


def learn(
    films: Films, *, margin: float, thresholds: Thresholds, reverting: bool = True
) -> ScoreParameters:
    """Learn the parameters of one score from the eligible films of many series.

    Parameters
    ----------
    films
        Of S series; of more than `MOST_SERIES`, equally spaced ones are used.
    margin, thresholds
        Kept as they are: choices, not estimates.
    reverting
        Learn how fast a level returns to the patient's usual one, and how far from it the first
        film is; else it walks at random.

    Returns
    -------
    Without intervals: see `with_intervals`.
    """
    start = np.array([c.start for c in _COORDINATES])
    without = {} if reverting else _OF_REVERTING
    fixed = [_PLACES[name] for name in without]
    start[fixed] = list(without.values())
    sample = _sample(films)
    best = _search(sample, start, fixed)
    learned = _parameters(best.places, margin=margin, thresholds=thresholds)
    shifts = dict(learned.view_shift)
    for view in _SHIFTED:
        of_mean = _standard_error_of(sample, best, f"view_shift {view}", fixed)
        shifts[view] = Shift(shifts[view].mean, float(np.hypot(shifts[view].sd, of_mean)))
    return replace(learned, view_shift=shifts | {View.UNKNOWN: _of_unknown_view(shifts)})


def with_intervals(films: Films, learned: ScoreParameters) -> ScoreParameters:
    """Add 95 % profile-likelihood intervals to what was learned from the same films."""
    sample = _sample(films)
    best = _search(sample, _places(learned))
    ends = {c.name: _interval(sample, best, place) for place, c in enumerate(_COORDINATES)}
    return replace(learned, intervals=ends, repeats=repeats(films))


def enough(films: Films) -> bool:
    """Return whether a site's own series tell enough to learn its own parameters from.

    That is `FEWEST_SERIES` series of `FEWEST_FILMS` or more eligible films: all simulated sites
    with so many learn sets whose predicted 90 % intervals hold 87 to 93 % of next films.
    """
    counts = np.bincount(films.series[films.eligible])
    return int((counts >= FEWEST_FILMS).sum()) >= FEWEST_SERIES


def log_likelihood(films: Films, parameters: ScoreParameters) -> float:
    """Return the logarithm of the probability density of all eligible films' points."""
    return _log_likelihood(Observations(films), parameters)


def _log_likelihood(observations: Observations, parameters: ScoreParameters) -> float:
    films, forecasts = observations.films, observations.forecasts(parameters)
    seen = films.eligible
    missed = films.points[seen] - forecasts.mean[seen]
    variance = forecasts.variance[seen]
    return float(-0.5 * (np.log(2 * np.pi * variance) + missed**2 / variance).sum())


def repeats(films: Films) -> Mapping[View, StandardError]:
    """Estimate the standard error of measurement from pairs of one view within 24 hours.

    Where only days are known, these are films of one day or of two in a row. Each film is in one
    pair at most. They may show true change.

    Returns
    -------
    The root mean square of the differences, divided by the root of 2, for each view with pairs.
    """
    seen = films.only_eligible()
    close = (np.diff(seen.series) == 0) & (np.diff(seen.days) <= _HOURS_24)
    close &= np.diff(seen.views) == 0
    pairs = _apart(np.flatnonzero(close))
    differences, views = np.diff(seen.points)[pairs], seen.views[pairs]
    return {
        view: _standard_error(differences[views == view_code(view)])
        for view in VIEWS
        if (views == view_code(view)).any()
    }


def _apart(rows: Indices) -> Indices:
    """Leave out each row that follows one that was kept."""
    kept: list[int] = []
    for row in rows.tolist():
        if not kept or row > kept[-1] + 1:
            kept.append(row)
    return np.array(kept, dtype=np.int64)


def _standard_error(differences: Numbers) -> StandardError:
    pairs, squares = len(differences), float((differences**2).sum()) / 2
    high, low = chi2.ppf(((1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2), pairs)
    interval = Interval(float(np.sqrt(squares / low)), float(np.sqrt(squares / high)))
    return StandardError(float(np.sqrt(squares / pairs)), interval, pairs)


def _sample(films: Films) -> Observations:
    """Return the eligible films of at most `MOST_SERIES` series."""
    seen = films.only_eligible()
    every = max(1, -(-len(seen.starts) // MOST_SERIES))
    chosen = seen if every == 1 else seen.of(np.arange(0, len(seen.starts), every))
    return Observations(chosen)


@dataclass(frozen=True)
class _Maximum:
    """A maximum of the penalised likelihood: where it lies, and minus its logarithm."""

    places: Numbers
    cost: float


def _search(films: Observations, start: Numbers, fixed: Sequence[int] = ()) -> _Maximum:
    """Climb to the maximum, with the coordinates ``fixed`` where they start."""
    bounds = [(c.low, c.high) for c in _COORDINATES]
    for place in fixed:
        bounds[place] = (start[place], start[place])
    result = minimize(
        lambda places: _objective(films, places),
        start,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": _PRECISION},
    )
    return _Maximum(result.x, float(result.fun))


def _objective(films: Observations, places: Numbers) -> float:
    parameters = _parameters(places, margin=1, thresholds=_ANY_THRESHOLDS)
    return _penalty(parameters) - _log_likelihood(films, parameters)


def _penalty(parameters: ScoreParameters) -> float:
    """Return minus the logarithm of the weak priors, up to a constant."""
    shifts = [parameters.view_shift[view] for view in _SHIFTED]
    usual = np.array([parameters.prior_mean[view] for view in _KNOWN_VIEWS])
    median, log_sd = _EXPECTED_SPREAD
    distances = (
        *(shift.mean / _EXPECTED_SHIFT_SD for shift in shifts),
        *(np.log(shift.sd / median) / log_sd for shift in shifts),
        parameters.first_deviation / _EXPECTED_FIRST_DEVIATION_SD,
        *((usual - usual.mean()) / _SAME_PRIOR_MEAN_SD),
    )
    return 0.5 * float(np.square(distances).sum())


def _interval(films: Observations, best: _Maximum, place: int) -> Interval:
    """Return the ends at which the profile likelihood is as low as 95 % allow."""
    ends = sorted(_end(films, best, place, direction) for direction in (-1, 1))
    return Interval(*(_COORDINATES[place].value(end) for end in ends))


def _end(films: Observations, best: _Maximum, place: int, direction: int) -> float:
    """Find one end: how many standard errors away is nearly proportional to the way."""
    coordinate, step = _COORDINATES[place], direction * _FIRST_STEP
    end, profile = float(best.places[place]), best
    for _ in range(_MOST_STEPS):
        end = float(np.clip(best.places[place] + step, coordinate.low, coordinate.high))
        profile = _profile(films, profile, (place,), end)
        errors = _errors_away(profile, best)
        at_bound = end in (coordinate.low, coordinate.high) and errors < _TWO_SIDED
        if at_bound or abs(errors - _TWO_SIDED) < _CLOSE:
            break
        step *= min(_TWO_SIDED / errors, _LONGEST_STRIDE)
    return end


def _standard_error_of(
    films: Observations, best: _Maximum, name: str, fixed: Sequence[int]
) -> float:
    """Return the standard error of a number, from how the likelihood falls beside it."""
    place = _PLACES[name]
    end = float(best.places[place]) + _FIRST_STEP
    return _FIRST_STEP / _errors_away(_profile(films, best, (place, *fixed), end), best)


def _profile(films: Observations, near: _Maximum, fixed: Sequence[int], value: float) -> _Maximum:
    """Climb to the maximum with the first of the coordinates ``fixed`` at a value."""
    start = near.places.copy()
    start[fixed[0]] = value
    return _search(films, start, fixed)


def _errors_away(profile: _Maximum, best: _Maximum) -> float:
    return float(np.sqrt(max(2 * (profile.cost - best.cost), _CLOSE**2)))


def _parameters(places: Numbers, *, margin: float, thresholds: Thresholds) -> ScoreParameters:
    value = {c.name: c.value(place) for c, place in zip(_COORDINATES, places, strict=True)}
    usual = {view: value[f"prior_mean {view}"] for view in _KNOWN_VIEWS}
    shifts = {View.PA: Shift(0, 0)} | {
        view: Shift(value[f"view_shift {view}"], value[f"view_shift_sd {view}"])
        for view in _SHIFTED
    }
    return ScoreParameters(
        error=value["error"],
        process_noise=value["process_noise"],
        reversion=value["reversion"],
        prior_sd=value["prior_sd"],
        first_deviation=value["first_deviation"],
        prior_mean=usual | {View.UNKNOWN: sum(usual.values()) / len(usual)},
        view_shift=shifts | {View.UNKNOWN: _of_unknown_view(shifts)},
        margin=margin,
        thresholds=thresholds,
    )


def _of_unknown_view(shifts: Mapping[View, Shift]) -> Shift:
    """Return the shift of a film that may be of any of the known views."""
    means = np.array([shifts[view].mean for view in _KNOWN_VIEWS])
    variances = np.array([shifts[view].sd ** 2 for view in _KNOWN_VIEWS])
    return Shift(float(means.mean()), float(np.sqrt(means.var() + variances.mean())))


def _places(parameters: ScoreParameters) -> Numbers:
    """Return where learned parameters lie in the search."""
    value = {
        name: getattr(parameters, name)
        for name in ("error", "process_noise", "reversion", "prior_sd", "first_deviation")
    }
    value |= {f"prior_mean {view}": parameters.prior_mean[view] for view in _KNOWN_VIEWS}
    for view in _SHIFTED:
        value[f"view_shift {view}"] = parameters.view_shift[view].mean
        value[f"view_shift_sd {view}"] = parameters.view_shift[view].sd
    return np.array([np.log(value[c.name]) if c.positive else value[c.name] for c in _COORDINATES])
