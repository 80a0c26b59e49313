from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from severity.course.parameters import Thresholds
from severity.course.simulation import (
    FALSE_ALARMS,
    GAPS,
    Plan,
    Shape,
    calls,
    observed,
    pair_calls,
    peak_probabilities,
    slope_calls,
    thresholds_for,
)
from severity.domain import View
from tests.severity.course.builders import REVERTING

THRESHOLDS = thresholds_for(REVERTING, patients=2000)
ALL_VIEWS = (View.PA, View.AP, View.AP_SUPINE)


@pytest.mark.parametrize("views", [(View.PA,), ALL_VIEWS])
@pytest.mark.parametrize("films", [2, 5, 10])
@pytest.mark.parametrize("gap", [0.5, 3, 30])
def test_a_level_that_never_moves_is_seldom_called_changed(gap, films, views):
    parameters = replace(REVERTING, thresholds=THRESHOLDS)
    plan = Plan(2000, films, gap, views, seed=7)
    still = observed(plan.levels(parameters), plan, parameters)

    # Three standard errors of a share of 2,000 patients.
    each = FALSE_ALARMS / 2
    worse, better = calls(still, parameters).mean(axis=1)
    assert max(worse, better) <= each + 3 * np.sqrt(each * (1 - each) / 2000)


def test_levels_start_where_first_films_are_expected():
    levels = Plan(4000, 2, 1.0).levels(REVERTING)

    expected = REVERTING.prior_mean[View.PA] + REVERTING.first_deviation
    assert levels[:, 0].mean() == pytest.approx(expected, abs=0.15)


def test_the_thresholds_are_no_higher_than_they_must_be():
    lower = replace(
        REVERTING, thresholds=Thresholds(THRESHOLDS.worse - 0.03, THRESHOLDS.better - 0.03)
    )
    shares = []
    for gap in GAPS:
        plan = Plan(2000, 10, gap, ALL_VIEWS)
        shares.append(calls(observed(plan.levels(lower), plan, lower), lower).mean(axis=1))

    assert (np.max(shares, axis=0) > FALSE_ALARMS / 2).all()


def test_better_needs_a_lower_probability_where_levels_are_expected_to_rise():
    neutral = replace(REVERTING, first_deviation=0)

    assert THRESHOLDS.better < THRESHOLDS.worse
    even = thresholds_for(neutral, patients=2000)
    assert even.better == pytest.approx(even.worse, abs=0.03)


def test_a_larger_margin_needs_no_higher_threshold():
    wide = replace(REVERTING, margin=2 * REVERTING.margin)

    lower, usual = (thresholds_for(each, patients=500) for each in (wide, REVERTING))
    assert lower.worse <= usual.worse
    assert lower.better <= usual.better


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


def test_calls_are_where_the_largest_probability_reaches_its_threshold():
    plan = Plan(300, 5, 4.0, ALL_VIEWS)
    films = observed(plan.levels(REVERTING), plan, REVERTING)
    peaks = peak_probabilities(films, REVERTING)

    called = calls(films, REVERTING)

    thresholds = REVERTING.thresholds
    np.testing.assert_array_equal(called[0], peaks[0] >= thresholds.worse)
    np.testing.assert_array_equal(called[1], peaks[1] >= thresholds.better)


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
