"""What a bridge is learned from, and when it is refused."""

from dataclasses import replace

import numpy as np
import pytest

from severity.bridging.bridge import Bridge
from severity.bridging.checking import held_out
from severity.bridging.fitting import Errors, fit
from severity.errors import NoBridge, WrongParameters
from tests.severity.bridging.builders import ERRORS, INTERCEPT, SLOPE, paired_films


def test_line_and_deviations_are_those_that_films_were_drawn_with():
    bridge = fit(paired_films(patients=2000, films=3), *ERRORS)
    extent = bridge.geographic_extent

    assert extent.line.slope == pytest.approx(SLOPE, abs=0.06)  # errors of x are none here
    assert extent.line.at(np.array([3.5])) == pytest.approx(INTERCEPT + SLOPE * 3.5, abs=0.05)
    assert extent.between == pytest.approx(0.3, abs=0.04)
    assert extent.within == pytest.approx(0.4, abs=0.02)
    assert (bridge.patients, bridge.films, bridge.flagged) == (2000, 6000, 0)


def test_films_out_of_distribution_teach_nothing():
    films = paired_films(flagged=20)
    spoilt = replace(films, current_extent=np.where(films.eligible, films.current_extent, 99.0))

    assert fit(spoilt, *ERRORS) == fit(films, *ERRORS)
    assert fit(films, *ERRORS).flagged == 20


@pytest.mark.parametrize(
    ("films", "errors", "reason"),
    [
        (paired_films(patients=49), ERRORS, "98 films"),
        (paired_films(patients=39, films=5), ERRORS, "39 patients"),
        (paired_films(patients=110, films=1), ERRORS, "0 such films beyond"),
        (paired_films(flagged=41), ERRORS, "out of distribution"),
        (paired_films(within=1.0), ERRORS, "about the line"),
        (paired_films(), (ERRORS[0], Errors(0.3, 0.2)), "opacity: films lie"),
        (paired_films(), (Errors(0.0, 0.3), ERRORS[1]), "extent: the measurement errors are 0 and"),
        (paired_films(), (ERRORS[0], Errors(0.3, float("nan"))), "both must be above 0"),
        (paired_films(within=9.0), (Errors(9, 9), Errors(9, 9)), "the slope is"),
    ],
)
def test_too_few_or_too_strange_films_and_poor_agreement_are_refused(films, errors, reason):
    with pytest.raises(NoBridge, match=reason):
        fit(films, *errors)


def test_versions_that_contradict_each_other_are_refused():
    films = paired_films()
    with pytest.raises(NoBridge, match="slope"):
        fit(replace(films, current_extent=8 - films.current_extent), *ERRORS)


def test_a_bridge_is_itself_after_json():
    bridge = fit(paired_films(), *ERRORS)

    assert Bridge.from_json(bridge.to_json()) == bridge
    for wrong in ("", "{}", bridge.to_json().replace('"format": 1', '"format": 2')):
        with pytest.raises(WrongParameters):
            Bridge.from_json(wrong)


def test_a_bridge_says_nothing_beyond_the_scores_that_it_was_learned_from():
    bridge = fit(paired_films(), *ERRORS).geographic_extent

    converted = bridge.convert(np.array([bridge.lowest - 0.1, 3.5, bridge.highest + 0.1]))

    assert converted.within.tolist() == [False, True, False]
    assert converted.shared[1] < converted.shared[0]  # the line is surest in its middle


def test_intervals_of_converted_scores_hold_the_own_ones_of_other_patients_in_90_of_100():
    films = paired_films(patients=600, films=3)

    checked = held_out(films, lambda others: fit(others, *ERRORS))

    for score in ("geographic_extent", "opacity"):
        assert checked[score].coverage == pytest.approx(0.9, abs=0.02)
        assert abs(checked[score].bias) < 0.03
        assert checked[score].error < checked[score].unconverted_error
