import json
from dataclasses import replace

import pytest

from severity.course.parameters import CourseParameters, Thresholds
from severity.domain import View
from severity.errors import WrongParameters
from tests.severity.course.builders import PARAMETERS, SET


def test_a_set_is_the_same_after_writing_and_reading():
    assert CourseParameters.from_json(SET.to_json()) == SET


def test_whole_numbers_make_no_other_set():
    whole = replace(PARAMETERS, margin=1, prior_mean=dict.fromkeys(View, 3))
    read = replace(SET, opacity=whole, episode_days=90)

    assert CourseParameters.from_json(read.to_json()).sha256 == read.sha256


def test_any_other_number_makes_another_set():
    opacity = replace(
        PARAMETERS,
        view_shift={**PARAMETERS.view_shift, View.AP: PARAMETERS.view_shift[View.UNKNOWN]},
    )

    assert replace(SET, opacity=opacity).sha256 != SET.sha256


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "[]",
        "{}",
        SET.to_json().replace('"format": 2', '"format": 3'),
        SET.to_json().replace('"first_deviation": -0.7', '"first_deviation": Infinity'),
        SET.to_json().replace('"worse": 0.8', '"worse": 1.0'),
        # Of the extent, which walks at random.
        SET.to_json().replace('"first_deviation": 0.0', '"first_deviation": 0.5'),
        SET.to_json().replace('"AP supine"', '"lateral"'),
        SET.to_json().replace('"error": 1.1', '"error": -1.1'),
        SET.to_json().replace('"error": 1.1', '"error": NaN'),
        SET.to_json().replace('"site"', '"elsewhere"'),
    ],
)
def test_anything_else_is_refused(wrong):
    with pytest.raises(WrongParameters):
        CourseParameters.from_json(wrong)


def test_a_set_without_a_view_is_refused():
    content = json.loads(SET.to_json())
    del content["opacity"]["prior_mean"]["PA"]

    with pytest.raises(WrongParameters):
        CourseParameters.from_json(json.dumps(content))


def test_a_set_of_the_format_before_has_one_threshold_and_no_first_deviation():
    content = json.loads(SET.to_json()) | {"format": 1}
    for score in ("geographic_extent", "opacity"):
        del content[score]["first_deviation"], content[score]["thresholds"]
        content[score]["threshold"] = 0.85

    read = CourseParameters.from_json(json.dumps(content))

    both = Thresholds(0.85, 0.85)
    assert read == replace(
        SET,
        geographic_extent=replace(SET.geographic_extent, thresholds=both),
        opacity=replace(SET.opacity, thresholds=both, first_deviation=0),
    )
