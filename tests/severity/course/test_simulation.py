from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from severity.course.simulation import (
    FALSE_ALARMS,
    Plan,
    Shape,
    calls,
    observed,
    pair_calls,
    peak_probabilities,
    slope_calls,
    threshold_for,
)
from severity.domain import View
from tests.severity.course.builders import REVERTING

THRESHOLD = threshold_for(REVERTING, patients=2000)
ALL_VIEWS = (View.PA, View.AP, View.AP_SUPINE)


@pytest.mark.parametrize("views", [(View.PA,), ALL_VIEWS])
@pytest.mark.parametrize("films", [2, 5, 10])
@pytest.mark.parametrize("gap", [0.5, 3, 30])
def test_a_level_that_never_moves_is_seldom_called_changed(gap, films, views):
    parameters = replace(REVERTING, threshold=THRESHOLD)
    plan = Plan(2000, films, gap, views, seed=7)
    still = observed(plan.levels(parameters), plan, parameters)

    # Three standard errors of a share of 2,000 patients.
    bound = FALSE_ALARMS + 3 * np.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) / 2000)
    assert calls(still, parameters).any(axis=0).mean() <= bound


def test_the_threshold_is_no_higher_than_it_must_be():
    plan = Plan(2000, 10, 14.0, ALL_VIEWS)
    lower = replace(REVERTING, threshold=THRESHOLD - 0.03)
    still = observed(plan.levels(lower), plan, lower)

    assert calls(still, lower).any(axis=0).mean() > FALSE_ALARMS


def test_a_larger_margin_needs_no_higher_threshold():
    wide = replace(REVERTING, margin=2 * REVERTING.margin)

    assert threshold_for(wide, patients=500) <= threshold_for(REVERTING, patients=500)


def test_the_more_a_level_rises_the_more_often_it_is_called_worse():
    plan = Plan(500, 6, 2.0)
    power = []
    for points in (1, 2, 3, 4):
        for shape in Shape:
            levels = plan.levels(REVERTING, points=points, shape=shape)
            worse, better = calls(observed(levels, plan, REVERTING), REVERTING)
            power.append(worse.mean())
            assert better.mean() < 0.1
    assert power[::2] == sorted(power[::2])
    assert power[1::2] == sorted(power[1::2])
    assert power[-2] > 0.8


def test_calls_are_where_the_largest_probability_reaches_the_threshold():
    plan = Plan(300, 5, 4.0, ALL_VIEWS)
    films = observed(plan.levels(REVERTING), plan, REVERTING)
    peaks = peak_probabilities(films, REVERTING)

    called = calls(films, REVERTING).any(axis=0)

    np.testing.assert_array_equal(called, peaks >= REVERTING.threshold)


def test_simulated_errors_have_the_deviation_that_is_asked_for():
    plan = Plan(20_000, 5, 1.0)
    for heavy in (False, True):
        films = observed(plan.levels(REVERTING), plan, REVERTING, error=1.5, heavy=heavy)
        within = films.points.reshape(-1, 5).std(axis=1, ddof=1)
        assert np.sqrt((within**2).mean()) == pytest.approx(1.5, rel=0.05)


def test_two_films_are_called_changed_by_the_pairs_rule_in_five_of_a_hundred():
    pairs = np.random.default_rng(0).normal(3, 1.1, (100_000, 2))
    bound = norm.ppf(0.975) * np.sqrt(2) * 1.1

    assert pair_calls(pairs, bound).mean() == pytest.approx(0.05, abs=0.003)
    assert pair_calls(pairs, bound, previous=True).mean() == pytest.approx(0.05, abs=0.003)


def test_the_pairs_rule_asked_ten_times_calls_a_quarter_changed():
    still = np.random.default_rng(0).normal(0, 1, (20_000, 10))
    bound = norm.ppf(0.975) * np.sqrt(2)

    assert pair_calls(still, bound).mean() == pytest.approx(0.27, abs=0.01)
    assert pair_calls(still, bound, previous=True).mean() == pytest.approx(0.33, abs=0.01)


def test_a_slope_that_is_tested_once_is_called_in_five_of_a_hundred():
    still = np.random.default_rng(0).normal(2, 0.7, (50_000, 3))

    assert slope_calls(still, np.array([0.0, 1.0, 5.0]), 0.7).mean() == pytest.approx(
        0.05, abs=0.004
    )
