"""Parameters and films for the tests of courses."""

from dataclasses import replace

import numpy as np

from severity.course.parameters import CourseParameters, Origin, ScoreParameters, Shift, Thresholds
from severity.course.series import Films
from severity.domain import Interval, StandardError, View

PARAMETERS = ScoreParameters(
    error=1.1,
    process_noise=0.04,
    prior_mean={View.PA: 2.0, View.AP: 3.5, View.AP_SUPINE: 4.5, View.UNKNOWN: 3.0},
    prior_sd=1.4,
    view_shift={
        View.PA: Shift(0, 0),
        View.AP: Shift(0.4, 0.5),
        View.AP_SUPINE: Shift(0.8, 0.7),
        View.UNKNOWN: Shift(0.3, 0.9),
    },
    margin=1.3,
    thresholds=Thresholds(0.8, 0.75),
    intervals={"error": Interval(0.9, 1.3)},
    repeats={View.PA: StandardError(0.9, Interval(0.7, 1.2), 20)},
)

REVERTING = replace(PARAMETERS, error=0.8, process_noise=1.2, reversion=0.3, first_deviation=-0.7)

SET = CourseParameters(PARAMETERS, REVERTING, 90.0, Origin.SITE, patients=40, films=200)


def random_films(series: int, *, seed: int = 0) -> Films:
    """Draw series of 1 to 9 films, some at one time, some not eligible, in all views."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(series), rng.integers(1, 10, series))
    days = rng.integers(0, 30, len(owner)) + rng.choice([0, 0.25], len(owner))
    order = np.lexsort((days, owner))
    return Films(
        owner,
        days[order],
        rng.normal(3, 2, len(owner)),
        rng.integers(0, 4, len(owner)).astype(np.int8),
        rng.random(len(owner)) > 0.1,
    )


def drawn_films(series: int, films: int, *, seed: int = 0) -> Films:
    """Draw series from `REVERTING`, of so many films each, whose views change now and then."""
    rng = np.random.default_rng(seed)
    days = rng.exponential(3, (series, films)).cumsum(axis=1)
    usual = rng.normal(0, REVERTING.prior_sd, (series, 1))
    deviation = rng.normal(0, np.sqrt(REVERTING.stationary_variance), (series, films))
    deviation[:, 0] += REVERTING.first_deviation
    for film in range(1, films):
        left = np.exp(-REVERTING.reversion * (days[:, film] - days[:, film - 1]))
        deviation[:, film] *= np.sqrt(1 - left**2)
        deviation[:, film] += left * deviation[:, film - 1]
    views = rng.integers(0, 3, (series, 1)).repeat(films, axis=1)
    views = np.where(rng.random(views.shape) < 0.3, rng.integers(0, 3, views.shape), views)
    shifts = [REVERTING.view_shift[view] for view in View]
    own = rng.normal([s.mean for s in shifts], [s.sd for s in shifts], (series, len(shifts)))
    means = np.array([REVERTING.prior_mean[view] for view in View])[views[:, :1]]
    shown = means + usual + deviation + np.take_along_axis(own, views, axis=1)
    return Films(
        np.repeat(np.arange(series), films),
        days.ravel(),
        (shown + rng.normal(0, REVERTING.error, shown.shape)).ravel(),
        views.ravel().astype(np.int8),
        np.ones(shown.size, dtype=bool),
    )
