from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Kernel
from statsmodels.tsa.statespace.kalman_smoother import KalmanSmoother

from severity.course import kalman
from severity.course.course import follow
from severity.course.series import NOWHERE, VIEWS, Conversions, Films
from severity.course.verdicts import NO_VERDICT
from tests.severity.course.builders import PARAMETERS, REVERTING, random_films

BOTH = pytest.mark.parametrize("parameters", [PARAMETERS, REVERTING], ids=["walk", "reverting"])
LEVEL = -1  # in place of a view: the level itself


class LevelAndShifts(Kernel):
    """Covariance of rows (days, view) under the model, written as a Gaussian process."""

    def __init__(self, parameters=None):
        self.parameters = parameters

    def __call__(self, X, Y=None, eval_gradient=False):  # noqa: ARG002, FBT002, N803 - scikit-learn's
        first, second = X, X if Y is None else Y
        days = np.subtract.outer(first[:, 0], second[:, 0])
        if self.parameters.reversion:
            stationary = self.parameters.process_noise / (2 * self.parameters.reversion)
            moved = stationary * np.exp(-self.parameters.reversion * np.abs(days))
        else:
            moved = self.parameters.process_noise * np.minimum.outer(first[:, 0], second[:, 0])
        shifts = np.array([self.parameters.view_shift[view].sd ** 2 for view in VIEWS] + [0])
        same = np.equal.outer(first[:, 1], second[:, 1])
        return self.parameters.prior_sd**2 + moved + same * shifts[first[:, 1].astype(int)][:, None]

    def diag(self, X):  # noqa: N803
        return np.diag(self(X))

    def is_stationary(self):
        return False


def posterior(films, rows, eligible, parameters):
    """Mean and covariance of the levels of ``rows``, from their ``eligible`` ones."""
    views, days = films.views[rows], films.days[rows] - films.days[rows[0]]
    usual = parameters.prior_mean[VIEWS[views[eligible][0]]]
    expected = usual + np.exp(-parameters.reversion * days) * parameters.first_deviation
    shifts = np.array([parameters.view_shift[VIEWS[view]].mean for view in views])
    process = GaussianProcessRegressor(
        LevelAndShifts(parameters), alpha=parameters.error**2, optimizer=None
    )
    missed = films.points[rows] - expected - shifts
    process.fit(np.column_stack([days, views])[eligible], missed[eligible])
    mean, covariance = process.predict(
        np.column_stack([days, np.full(len(rows), LEVEL)]), return_cov=True
    )
    return expected + mean, covariance


def rows_of(films):
    """Each series' rows, from its first eligible one on; series without any are left out."""
    for start, count, first in zip(films.starts, films.counts, films.first_eligible, strict=True):
        if first != NOWHERE:
            yield np.arange(first, start + count)


@BOTH
def test_courses_are_scikit_learns_gaussian_process(parameters):
    films = random_films(60)
    courses = follow(films, films.first_eligible, parameters)
    for rows in rows_of(films):
        for place, row in enumerate(rows):
            known = films.eligible[rows] & (films.days[rows] <= films.days[row])
            mean, covariance = posterior(films, rows, np.flatnonzero(known), parameters)
            sd = np.sqrt(np.diag(covariance))
            assert courses.level[row] == pytest.approx(mean[place], abs=1e-6)
            assert courses.sd[row] == pytest.approx(sd[place], abs=1e-6)
            if films.days[row] > films.days[rows[0]]:
                change, spread = change_since_first(mean, covariance)
                assert courses.worse[row] == pytest.approx(
                    ndtr((change[place] - parameters.margin) / spread[place]), abs=1e-6
                )
                assert courses.better[row] == pytest.approx(
                    ndtr((-change[place] - parameters.margin) / spread[place]), abs=1e-6
                )


@BOTH
def test_smoothed_courses_are_scikit_learns_gaussian_process(parameters):
    films = random_films(200, seed=1)
    courses = follow(films, films.first_eligible, parameters)
    for rows in rows_of(films):
        eligible = np.flatnonzero(films.eligible[rows])
        mean, covariance = posterior(films, rows, eligible, parameters)
        np.testing.assert_allclose(courses.smoothed_level[rows], mean, atol=1e-6)
        np.testing.assert_allclose(
            courses.smoothed_sd[rows], np.sqrt(np.diag(covariance)), atol=1e-6
        )
        after = films.days[rows] > films.days[rows[0]]
        change, spread = (part[after] for part in change_since_first(mean, covariance))
        for column, expected in (
            ("smoothed_change", change),
            ("smoothed_change_sd", spread),
            ("smoothed_worse", ndtr((change - parameters.margin) / spread)),
        ):
            np.testing.assert_allclose(getattr(courses, column)[rows[after]], expected, atol=1e-6)


@BOTH
def test_before_the_first_film_that_counts_nobody_knows_a_level(parameters):
    films = random_films(60)
    courses = follow(films, films.first_eligible, parameters)
    known = np.concatenate(list(rows_of(films)))
    earlier = films.days < films.days[films.first_eligible][films.series]

    for name in ("level", "sd", "smoothed_level", "smoothed_sd"):
        numbers = getattr(courses, name)
        assert np.isfinite(numbers[known]).all()
        assert np.isnan(numbers[earlier]).all()
    assert earlier.any()


def change_since_first(mean, covariance):
    variance = np.diag(covariance) + covariance[0, 0] - 2 * covariance[0]
    return mean - mean[0], np.sqrt(np.maximum(variance, 0))


def smoother_of(films, rows, parameters):
    """The model of one series in statsmodels: usual level, deviation and three shifts."""
    gaps = np.diff(films.days[rows], append=films.days[rows[-1]])
    decay = np.exp(-parameters.reversion * gaps)
    shifts = [parameters.view_shift[view] for view in VIEWS[1:]]
    start = parameters.process_noise / (2 * parameters.reversion) if parameters.reversion else 0
    model = KalmanSmoother(k_endog=1, k_states=5, k_posdef=1)
    model.bind(np.where(films.eligible[rows], films.points[rows], np.nan)[None].copy())
    transition = np.repeat(np.eye(5)[:, :, None], len(rows), axis=2)
    transition[0, 0] = decay
    design = np.zeros((1, 5, len(rows)))
    design[0, :2] = 1
    design[0, 2:] = films.views[rows] == np.array([[1], [2], [3]])
    model["design"], model["transition"] = design, transition
    model["obs_cov"] = np.array([[parameters.error**2]])
    model["selection"] = np.eye(5)[:, :1]
    noise = start * (1 - decay**2) if parameters.reversion else parameters.process_noise * gaps
    model["state_cov"] = noise[None, None]
    first = VIEWS[films.views[rows[0]]]
    model.initialize_known(
        np.array(
            [
                parameters.first_deviation,
                parameters.prior_mean[first],
                *(shift.mean for shift in shifts),
            ]
        ),
        np.diag([start, parameters.prior_sd**2, *(shift.sd**2 for shift in shifts)]),
    )
    return model.smooth()


@BOTH
def test_levels_and_forecasts_are_statsmodels(parameters):
    films = random_films(150, seed=2)
    courses = follow(films, films.first_eligible, parameters)
    forecasts = kalman.Observations(films).forecasts(parameters)
    level = np.array([1, 1, 0, 0, 0])
    for rows in rows_of(films):
        result = smoother_of(films, rows, parameters)
        last = np.flatnonzero(np.diff(films.days[rows], append=np.inf) > 0)
        smoothed = np.einsum("i,ijn,j->n", level, result.smoothed_state_cov, level)
        np.testing.assert_allclose(
            courses.smoothed_level[rows], level @ result.smoothed_state, atol=1e-6
        )
        np.testing.assert_allclose(courses.smoothed_sd[rows], np.sqrt(smoothed), atol=1e-6)
        np.testing.assert_allclose(
            courses.level[rows[last]], (level @ result.filtered_state)[last], atol=1e-6
        )
        np.testing.assert_allclose(forecasts.mean[rows], result.forecasts[0], atol=1e-6)
        np.testing.assert_allclose(
            forecasts.variance[rows],
            np.einsum("in,ijn,jn->n", *designs(films, rows, result)) + parameters.error**2,
            atol=1e-6,
        )


def designs(films, rows, result):
    design = np.zeros((5, len(rows)))
    design[:2] = 1
    design[2:] = films.views[rows] == np.array([[1], [2], [3]])
    return design, result.predicted_state_cov[:, :, : len(rows)], design


seeds = st.integers(0, 10_000)


@BOTH
@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_the_order_of_films_at_one_time_does_not_matter(parameters, seed):
    films = random_films(20, seed=seed)
    # The first eligible film's view sets the prior, so that the first rows stay in place.
    order = np.lexsort((np.random.default_rng(seed).random(len(films)), films.days, films.series))
    kept = films.days > films.days[films.starts][films.series]
    order = np.where(kept, order, np.arange(len(films)))
    other = Films(
        films.series, films.days, films.points[order], films.views[order], films.eligible[order]
    )
    baselines = films.first_eligible
    moved = np.array([NOWHERE if b < 0 else np.flatnonzero(order == b)[0] for b in baselines])
    same_prior = films.views[other.first_eligible] == films.views[baselines]
    rows = (same_prior & (films.views[baselines] == other.views[other.first_eligible]))[
        films.series
    ]
    first, second = follow(films, baselines, parameters), follow(other, moved, parameters)
    for column in ("level", "sd", "smoothed_level", "worse", "smoothed_change"):
        np.testing.assert_allclose(
            getattr(second, column)[rows], getattr(first, column)[order][rows], atol=1e-9
        )


@BOTH
@given(seed=seeds, points=st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_a_shift_of_all_points_shifts_levels_alone(parameters, seed, points):
    films = random_films(20, seed=seed)
    prior = {view: mean + points for view, mean in parameters.prior_mean.items()}
    shifted = replace(films, points=films.points + points)

    before = follow(films, films.first_eligible, parameters)
    after = follow(shifted, films.first_eligible, replace(parameters, prior_mean=prior))

    np.testing.assert_allclose(after.level, before.level + points, atol=1e-9)
    for column in ("sd", "worse", "better", "smoothed_change", "smoothed_within"):
        np.testing.assert_allclose(getattr(after, column), getattr(before, column), atol=1e-9)
    assert (after.verdicts == before.verdicts).all()


@BOTH
@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_more_films_never_widen_the_smoothed_band(parameters, seed):
    films = random_films(20, seed=seed)
    hidden = np.random.default_rng(seed).random(len(films)) < 0.3
    hidden[films.first_eligible] = False  # it sets where the prior stands
    fewer = replace(films, eligible=films.eligible & ~hidden)

    all_films, some = (follow(f, films.first_eligible, parameters) for f in (films, fewer))

    known = ~np.isnan(all_films.smoothed_sd)
    assert (all_films.smoothed_sd[known] <= some.smoothed_sd[known] + 1e-9).all()


@BOTH
@given(seed=seeds, cut=st.integers(1, 19))
@settings(max_examples=20, deadline=None)
def test_splitting_a_batch_changes_nothing(parameters, seed, cut):
    films = random_films(20, seed=seed)
    whole = follow(films, films.first_eligible, parameters)
    parts = [films.between(0, cut), films.between(cut, 20)]
    split = [follow(part, part.first_eligible, parameters) for part in parts]
    for column in ("level", "sd", "within", "smoothed_level", "smoothed_change_sd", "verdicts"):
        np.testing.assert_allclose(
            getattr(whole, column),
            np.concatenate([getattr(part, column) for part in split]),
            atol=1e-9,
        )


@BOTH
@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_films_that_are_not_eligible_change_nothing(parameters, seed):
    films = random_films(20, seed=seed)
    other = np.random.default_rng(seed).normal(3, 4, len(films))
    swapped = replace(films, points=np.where(films.eligible, films.points, other))
    with_eligible = np.unique(films.series[films.eligible])
    alone = Films(
        np.searchsorted(with_eligible, films.series[films.eligible]),
        *(column[films.eligible] for column in (films.days, films.points, films.views)),
        np.ones(films.eligible.sum(), dtype=bool),
    )

    courses = follow(films, films.first_eligible, parameters)
    again = follow(swapped, films.first_eligible, parameters)
    without = follow(alone, alone.first_eligible, parameters)

    np.testing.assert_array_equal(courses.smoothed_level, again.smoothed_level)
    for column in ("level", "sd", "smoothed_level", "smoothed_sd", "worse", "smoothed_within"):
        np.testing.assert_allclose(
            getattr(courses, column)[films.eligible], getattr(without, column), atol=1e-9
        )


def test_nothing_is_said_at_and_before_the_baseline():
    films = replace(random_films(50), eligible=np.ones(len(random_films(50)), dtype=bool))
    baselines = films.starts + films.counts // 2
    courses = follow(films, baselines, PARAMETERS)
    before = films.days <= films.days[baselines][films.series]

    assert np.isnan(courses.worse[before]).all()
    assert (courses.verdicts[before] == NO_VERDICT).all()
    assert (courses.verdicts[~before] != NO_VERDICT).all()
    assert not np.isnan(courses.smoothed_change[~before]).any()


def test_a_level_far_above_the_baseline_is_worse_and_far_below_better():
    films = Films(
        np.zeros(4, np.int64),
        np.array([0.0, 0.0, 30.0, 60.0]),
        np.array([2.0, 2.0, 8.0, -4.0]),
        np.zeros(4, np.int8),
        np.ones(4, dtype=bool),
    )
    courses = follow(films, np.array([0]), REVERTING)

    assert courses.verdicts.tolist() == [NO_VERDICT, NO_VERDICT, 0, 1]


def test_many_equal_films_on_a_day_are_unchanged():
    films = Films(
        np.zeros(20, np.int64),
        np.repeat([0.0, 1.0], 10),
        np.full(20, 3.0),
        np.zeros(20, np.int8),
        np.ones(20, dtype=bool),
    )
    courses = follow(films, np.array([0]), PARAMETERS)

    assert courses.verdicts.tolist() == [NO_VERDICT] * 10 + [2] * 10


def test_no_films_have_no_courses():
    empty = np.empty(0)
    films = Films(empty.astype(np.int64), empty, empty, empty.astype(np.int8), empty.astype(bool))
    assert len(follow(films, empty.astype(np.int64), PARAMETERS).level) == 0


def test_films_that_nothing_was_added_to_make_the_same_course_to_the_last_bit():
    films = random_films(40)
    nothing = np.zeros(len(films))
    converted = replace(films, conversions=Conversions(nothing, nothing))

    plain = follow(films, films.first_eligible, REVERTING)
    bridged = follow(converted, films.first_eligible, REVERTING)

    for name in vars(plain):
        np.testing.assert_allclose(getattr(bridged, name), getattr(plain, name), rtol=1e-12)


@BOTH
def test_what_converting_adds_is_one_error_of_all_converted_films_and_one_of_each(parameters):
    """The referee is the joint normal distribution of levels and scores, inverted as a whole."""
    days, converted = np.array([0.0, 1, 3, 4, 9]), np.array([1, 1, 1, 0, 0])
    shared, own = 0.4 * converted, 0.7 * converted
    films = Films(
        np.zeros(5, dtype=np.int64),
        days,
        np.array([2.0, 2.6, 3.1, 4.9, 5.3]),
        np.zeros(5, dtype=np.int8),
        np.ones(5, dtype=bool),
        Conversions(shared, own),
    )
    rows = np.column_stack([days, np.full(5, LEVEL)])
    levels = LevelAndShifts(parameters)(rows)
    errors = np.diag(parameters.error**2 + own**2) + np.outer(shared, shared)
    left = np.exp(-parameters.reversion * days)
    mean = parameters.prior_mean[VIEWS[0]] + left * parameters.first_deviation
    weights = levels @ np.linalg.inv(levels + errors)

    courses = follow(films, films.first_eligible, parameters)

    expected = mean + weights @ (films.points - mean)
    covariance = levels - weights @ levels
    change_sd = np.sqrt(covariance[4, 4] + covariance[0, 0] - 2 * covariance[4, 0])
    np.testing.assert_allclose(courses.smoothed_level, expected, atol=1e-9)
    np.testing.assert_allclose(courses.smoothed_sd, np.sqrt(np.diag(covariance)), atol=1e-9)
    assert courses.smoothed_change_sd[4] == pytest.approx(change_sd, abs=1e-9)
