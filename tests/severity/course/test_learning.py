import numpy as np
import pytest
from scipy.stats import norm

from severity.course.learning import (
    FEWEST_FILMS,
    FEWEST_SERIES,
    enough,
    learn,
    log_likelihood,
    repeats,
    with_intervals,
)
from severity.course.prediction import forecasts_of, held_by_number_before, held_out_forecasts
from severity.course.series import VIEWS, Films
from severity.domain import View
from tests.severity.course.builders import REVERTING, drawn_films, random_films

THRESHOLDS = REVERTING.thresholds


def test_the_likelihood_is_that_of_all_points_together():
    films = drawn_films(1, 4, seed=3)
    shifts = [REVERTING.view_shift[VIEWS[view]] for view in films.views]
    days = np.abs(np.subtract.outer(films.days, films.days))
    covariance = (
        REVERTING.prior_sd**2
        + REVERTING.stationary_variance * np.exp(-REVERTING.reversion * days)
        + np.equal.outer(films.views, films.views) * np.array([shift.sd**2 for shift in shifts])
        + REVERTING.error**2 * np.eye(4)
    )
    usual = REVERTING.prior_mean[VIEWS[films.views[0]]]
    left = np.exp(-REVERTING.reversion * (films.days - films.days[0]))
    mean = usual + left * REVERTING.first_deviation + np.array([shift.mean for shift in shifts])
    missed = films.points - mean
    expected = (
        -0.5 * missed @ np.linalg.solve(covariance, missed)
        - 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
    )

    assert log_likelihood(films, REVERTING) == pytest.approx(expected, abs=1e-9)


def test_known_parameters_are_recovered():
    learned = learn(drawn_films(400, 6), margin=1.3, thresholds=THRESHOLDS)

    assert learned.error == pytest.approx(REVERTING.error, rel=0.15)
    assert learned.stationary_variance == pytest.approx(REVERTING.stationary_variance, rel=0.2)
    assert learned.reversion == pytest.approx(REVERTING.reversion, rel=0.3)
    assert learned.prior_sd == pytest.approx(REVERTING.prior_sd, rel=0.2)
    assert learned.first_deviation == pytest.approx(REVERTING.first_deviation, abs=0.2)
    for view in (View.AP, View.AP_SUPINE):
        known, shift = REVERTING.view_shift[view], learned.view_shift[view]
        assert shift.mean == pytest.approx(known.mean, abs=0.2)
        assert shift.sd == pytest.approx(known.sd, abs=0.3)


def test_known_parameters_lie_in_their_intervals():
    films = drawn_films(60, 4, seed=1)
    learned = with_intervals(films, learn(films, margin=1.3, thresholds=THRESHOLDS))

    for name in ("error", "process_noise", "reversion", "prior_sd", "first_deviation"):
        interval = learned.intervals[name]
        assert interval.low < getattr(REVERTING, name) < interval.high
        assert interval.low < getattr(learned, name) < interval.high
    for view in (View.AP, View.AP_SUPINE):
        interval = learned.intervals[f"view_shift {view}"]
        assert interval.low < REVERTING.view_shift[view].mean < interval.high
        assert learned.view_shift[view].sd > (interval.high - interval.low) / 2 / 1.96


def test_what_walks_at_random_is_learned_not_to_return():
    learned = learn(drawn_films(60, 4), margin=1.3, thresholds=THRESHOLDS, reverting=False)

    assert learned.reversion == learned.first_deviation == 0
    assert learned.process_noise > 0


def test_the_error_of_pairs_is_that_of_films_of_one_view_within_a_day():
    films = Films(
        np.array([0, 0, 0, 0, 0, 1, 1, 2, 2]),
        np.array([0.0, 1.0, 2.0, 9.0, 9.5, 0.0, 0.5, 0.0, 0.2]),
        np.array([1.0, 2.0, 9.0, 4.0, 7.0, 3.0, 3.0, 5.0, 8.0]),
        np.array([0, 0, 0, 0, 0, 1, 2, 1, 1], dtype=np.int8),
        np.array([True] * 8 + [True]),
    )
    errors = repeats(films)

    # The third film would be a pair with the second, which is in one already.
    assert errors[View.PA].points == pytest.approx(np.sqrt((1 + 9) / 2 / 2))
    assert errors[View.PA].degrees == 2
    assert errors[View.AP].points == pytest.approx(3 / np.sqrt(2))
    assert set(errors) == {View.PA, View.AP}


def test_the_predicted_intervals_of_patients_held_out_hold_nine_in_ten():
    films = drawn_films(800, 3, seed=2)
    patients = [str(n) for n in range(800)]
    forecasts = held_out_forecasts(
        films, patients, lambda part: learn(part, margin=1.3, thresholds=THRESHOLDS), folds=2
    )
    counts = held_by_number_before(films, forecasts)

    assert [count.films for count in counts[:3]] == [800, 800, 0]
    for count in counts[:2]:
        assert 0.87 < count.share < 0.93
        assert count.interval.low < 0.9 < count.interval.high


def test_films_are_forecast_from_other_patients_alone():
    films = random_films(30)
    learned_from = []

    def learn_nothing(part):
        learned_from.append(len(part.starts))
        return REVERTING

    forecasts = held_out_forecasts(films, ["a"] * 15 + ["b"] * 15, learn_nothing, folds=2)

    assert sorted(learned_from) == [15, 15]
    np.testing.assert_allclose(forecasts.mean, forecasts_of(films, REVERTING).mean, atol=1e-9)


def test_a_site_has_enough_with_enough_series_of_enough_films():
    films = drawn_films(FEWEST_SERIES, FEWEST_FILMS)

    assert enough(films)
    assert not enough(films.between(0, FEWEST_SERIES - 1))
    assert not enough(drawn_films(5 * FEWEST_SERIES, FEWEST_FILMS - 1))


def test_the_interval_of_a_share_is_clopper_and_pearsons():
    films = random_films(300, seed=5)
    count = held_by_number_before(films, forecasts_of(films, REVERTING))[0]

    assert 0 < count.interval.low < count.share < count.interval.high < 1
    assert norm.ppf(0.95) * REVERTING.error < count.half_width


def test_films_that_tell_nothing_of_the_first_let_nothing_be_expected_of_it():
    """Where nothing returns, the usual level and the deviation from it cannot be told apart."""
    rng = np.random.default_rng(5)
    points = rng.normal(3, 1.5, (40, 1)) + rng.normal(0, 0.4, (40, 3))
    films = Films(
        np.repeat(np.arange(40), 3),
        np.tile([0.0, 0.01, 0.02], 40),
        points.ravel(),
        np.zeros(120, dtype=np.int8),
        np.ones(120, dtype=bool),
    )

    learned = learn(films, margin=1.3, thresholds=THRESHOLDS)

    assert learned.first_deviation == pytest.approx(0, abs=0.8)
    first = learned.prior_mean[View.PA] + learned.first_deviation
    assert first == pytest.approx(points.mean(), abs=0.5)
