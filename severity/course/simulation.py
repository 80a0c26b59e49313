"""Simulated courses: how often a verdict is wrong, and how often a change is called.

Simulated patients have a level that never moves, rises in a step, or rises in a ramp. The rules of
trends (a pair of films) and a test of the slope are applied to the same films.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import ndtri

from severity.course.course import chances_so_far
from severity.course.parameters import ScoreParameters, Thresholds
from severity.course.series import VIEWS, Codes, Films, Flags, Numbers
from severity.course.verdicts import verdicts
from severity.domain import View

FALSE_ALARMS = 0.05
"""The share of patients whose level never moves that may be called worse or better, ever.

Half of them worse, and half better.
"""

GAPS = (0.5, 1.0, 2.0, 4.0, 7.0, 14.0)
"""Days between films, for which false alarms are kept."""

MOST_FILMS = 10
"""The number of films up to which false alarms are kept."""

_HEAVY = 4  # degrees of freedom of heavy-tailed errors
_TWO_SIDED = float(ndtri(0.975))
_FEWEST_FOR_A_SLOPE = 3


class Shape(StrEnum):
    """How a simulated level moves by ``points``, from a patient's first film to the last."""

    STEP = "step"  # between the two middle films
    RAMP = "ramp"  # evenly with the days


@dataclass(frozen=True)
class Plan:
    """Who is simulated: the number of patients, of films of each, and the days between films.

    ``views`` are drawn for each film from these.
    """

    patients: int
    films: int
    gap: float
    views: tuple[View, ...] = (View.PA,)
    seed: int = 0

    def levels(
        self, parameters: ScoreParameters, *, points: float = 0, shape: Shape = Shape.STEP
    ) -> Numbers:
        """Draw each patient's level at each film, shape (patients, films)."""
        sd = np.hypot(parameters.prior_sd, np.sqrt(parameters.stationary_variance))
        usual = np.mean([parameters.prior_mean[view] for view in self.views])
        expected = usual + parameters.first_deviation
        first = np.random.default_rng(self.seed).normal(expected, sd, (self.patients, 1))
        place = np.arange(self.films, dtype=float)
        if shape is Shape.STEP:
            part = (place >= (self.films + 1) // 2).astype(float)
        else:
            part = place / max(self.films - 1, 1)
        levels: Numbers = first + points * part
        return levels


def observed(
    levels: Numbers,
    plan: Plan,
    parameters: ScoreParameters,
    *,
    error: float | None = None,
    heavy: bool = False,
) -> Films:
    """Draw the films that show simulated levels.

    Parameters
    ----------
    levels
        Shape (patients, films).
    error
        The true standard error of measurement; the one of ``parameters`` if None.
    heavy
        Errors have heavy tails: Student's t with 4 degrees of freedom, of the same deviation.
    """
    rng = np.random.default_rng((plan.seed, 1))
    codes = np.array([VIEWS.index(view) for view in plan.views], dtype=np.int8)
    views: Codes = rng.choice(codes, levels.shape)
    shifts = [parameters.view_shift[view] for view in VIEWS]
    # A patient's shifts are their own, and the same in all of their films.
    own = np.array([shift.mean for shift in shifts]) + rng.normal(
        0, 1, (len(levels), len(VIEWS))
    ) * np.array([shift.sd for shift in shifts])
    shown = levels + np.take_along_axis(own, views.astype(np.int64), axis=1)
    errors = (
        rng.standard_t(_HEAVY, levels.shape) * np.sqrt((_HEAVY - 2) / _HEAVY)
        if heavy
        else rng.normal(0, 1, levels.shape)
    )
    patients, films = levels.shape
    return Films(
        np.repeat(np.arange(patients), films),
        np.tile(np.arange(films) * plan.gap, patients),
        (shown + errors * (parameters.error if error is None else error)).ravel(),
        views.ravel(),
        np.ones(levels.size, dtype=bool),
    )


def peak_probabilities(films: Films, parameters: ScoreParameters) -> Numbers:
    """Return the largest probability of worse, and of better, of each series' films, (2, S)."""
    worse, better, _ = chances_so_far(films, films.first_eligible, parameters)
    known = np.nan_to_num(np.stack([worse, better]))
    return np.maximum.reduceat(known, films.starts, axis=1)


def calls(films: Films, parameters: ScoreParameters) -> Flags:
    """Return which series are ever called worse, and which ever better, shape (2, S)."""
    chances = chances_so_far(films, films.first_eligible, parameters)
    codes = verdicts(*chances, thresholds=parameters.thresholds)
    return np.stack([np.logical_or.reduceat(codes == code, films.starts) for code in (0, 1)])


def thresholds_for(
    parameters: ScoreParameters, *, patients: int = 5000, lowest: float = 0.5
) -> Thresholds:
    """Return the lowest thresholds that keep false alarms, for all `GAPS`.

    A level that never moves is called worse at any of `MOST_FILMS` films in at most half of
    `FALSE_ALARMS` of patients, and better in as many, with films of one view and of changing views.
    """
    reached = [np.full(2, lowest)]
    for gap in GAPS:
        for views in ((View.PA,), (View.PA, View.AP, View.AP_SUPINE)):
            plan = Plan(patients, MOST_FILMS, gap, views)
            films = observed(plan.levels(parameters), plan, parameters)
            peaks = peak_probabilities(films, parameters)
            reached.append(np.quantile(peaks, 1 - FALSE_ALARMS / 2, axis=1))
    worse, better = np.ceil(100 * np.max(reached, axis=0)) / 100
    return Thresholds(worse, better)


def pair_calls(points: Numbers, bound: float, *, previous: bool = False) -> Flags:
    """Return which patients have a film that differs by more than ``bound`` points.

    Parameters
    ----------
    points
        Shape (patients, films), in time's order.
    previous
        From the film before; else from the first.
    """
    differences = np.diff(points) if previous else points[:, 1:] - points[:, :1]
    called: Flags = np.abs(differences).max(axis=1) > bound
    return called


def slope_calls(points: Numbers, days: Numbers, error: float) -> Flags:
    """Return which patients have a slope that differs from 0 (two-sided 5 %), asked at each film.

    Parameters
    ----------
    points
        Shape (patients, films).
    days
        Shape (films,).
    error
        The standard error of measurement, taken as known.
    """
    steepest: Numbers = np.zeros(len(points))
    for films in range(_FEWEST_FOR_A_SLOPE, len(days) + 1):
        centred = days[:films] - days[:films].mean()
        standard_error = error / np.sqrt((centred**2).sum())
        slopes = points[:, :films] @ centred / (centred**2).sum()
        steepest = np.maximum(steepest, np.abs(slopes) / standard_error)
    exceeded: Flags = steepest > _TWO_SIDED
    return exceeded
