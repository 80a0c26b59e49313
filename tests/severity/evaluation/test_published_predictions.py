import math

import pytest

from severity.domain import Score
from severity.evaluation.published_predictions import (
    TOLERANCE,
    Origin,
    UnreadableReference,
    compare,
    parse_predictions,
)

NOTEBOOK = "filename,rater_mean,published_prediction\na.png,2.0,1.23\nb.png,1.0,-0.34\n"
EXAMPLES = "filename,geographic_extent_0_8,opacity_0_6\na.png,1.234,0.9483\n"
PREDICTIONS = [
    *parse_predictions(NOTEBOOK, Origin.NOTEBOOK),
    *parse_predictions(EXAMPLES, Origin.README),
]


def score(extent: float, opacity: float = 0.95) -> Score:
    return Score(max(extent, 0), opacity, geographic_extent_raw=extent, opacity_raw=opacity)


def test_every_published_number_is_read() -> None:
    assert [
        (prediction.image, prediction.score, prediction.points) for prediction in PREDICTIONS
    ] == [
        ("a.png", "geographic extent", 1.23),
        ("b.png", "geographic extent", -0.34),
        ("a.png", "geographic extent", 1.234),
        ("a.png", "opacity", 0.9483),
    ]


def test_numbers_agree_up_to_rounding_and_resampling_before_clipping() -> None:
    verdict = compare(PREDICTIONS, {"a.png": score(1.245), "b.png": score(-0.355)}, {})

    assert verdict.agrees
    assert [round(comparison.difference or 0, 4) for comparison in verdict.comparisons] == [
        0.015,
        -0.015,
        0.011,
        0.0017,
    ]
    assert verdict.largest == pytest.approx(0.015)
    assert verdict.mean == pytest.approx((0.015 + 0.015 + 0.011 + 0.0017) / 4)


@pytest.mark.parametrize("extent", [-0.34 + TOLERANCE + 1e-6, 0.0, math.nan, math.inf])
def test_one_number_that_is_off_fails_all(extent: float) -> None:
    """0.0 is what clipping would make of the published -0.34."""
    verdict = compare(PREDICTIONS, {"a.png": score(1.234), "b.png": score(extent)}, {})

    assert not verdict.agrees
    assert [comparison.agrees for comparison in verdict.comparisons] == [True, False, True, True]
    assert verdict.largest is not None
    assert not verdict.largest <= TOLERANCE


def test_a_missing_image_is_counted_and_left_out() -> None:
    verdict = compare(PREDICTIONS, {"a.png": score(1.23)}, {})

    assert verdict.agrees
    assert verdict.images_missing == ["b.png"]
    assert len(verdict.compared) == 3


def test_a_rejected_image_fails() -> None:
    verdict = compare(PREDICTIONS, {"a.png": score(1.23)}, {"b.png": "colour: 30%"})

    assert not verdict.agrees
    assert (verdict.images_missing, verdict.images_rejected) == ([], ["b.png"])


def test_nothing_compared_proves_nothing() -> None:
    verdict = compare(PREDICTIONS, {}, {})

    assert not verdict.agrees
    assert (verdict.largest, verdict.mean) == (None, None)
    assert verdict.images_missing == ["a.png", "b.png"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "filename\n",
        "filename,published_prediction\n",
        NOTEBOOK + "c.png,1,x\n",
        "a,b\n1",
        "published_prediction,filename\n1.5\n",
        "published_prediction,filename\n1.5,\n",
        "filename,published_prediction\na.png,1,5\n",
        'filename,published_prediction\na.png,"1\n',
    ],
)
def test_what_is_not_the_published_table_is_refused(content: str) -> None:
    with pytest.raises(UnreadableReference):
        parse_predictions(content, Origin.NOTEBOOK)
