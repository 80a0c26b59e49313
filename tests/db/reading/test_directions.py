"""Directions in a trend: beyond test-retest error or within it, none out of distribution."""

import math

import numpy as np
import pytest

from db.calibrations import adopt
from db.reading import trends
from severity.domain import Direction, DistributionCheck, View
from severity.reliability.calibration import Margins
from tests.builders.scores import CALIBRATION, DAY_ZERO, ERRORS, INVERTED, version

EXTENT = ERRORS.geographic_extent
LIMIT = EXTENT.smallest_detectable_change
WORSE, BETTER, STABLE = Direction.WORSE, Direction.BETTER, Direction.STABLE


@pytest.fixture
def calibration():
    return CALIBRATION


@pytest.fixture
def read(database):
    def read():
        with database.transaction() as session:
            return trends.trend(session, "p-1", version().key)

    return read


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("size", "direction"),
    [
        (0.0, STABLE),
        (math.nextafter(LIMIT, 0), STABLE),
        (LIMIT, STABLE),
        (math.nextafter(LIMIT, 8), None),
        (3.0, None),
    ],
)
def test_a_change_is_stable_up_to_the_limit_and_has_a_direction_beyond_it(
    course, read, sign, size, direction
):
    # From 0 or to 0: what a change is must not be lost in a difference.
    before, after = (0.0, size) if sign > 0 else (size, 0.0)
    course({"day": 0, "extent": before}, {"day": 1, "extent": after})

    _, last = read().observations

    expected = direction or (WORSE if sign > 0 else BETTER)
    assert last.extent_direction_from_baseline == last.extent_direction_from_previous == expected


def test_directions_are_from_the_baseline_and_from_the_previous_image(course, read):
    course(*({"day": day, "extent": extent} for day, extent in enumerate([4.0, 6.0, 6.5, 3.5])))

    observations = read().observations

    assert [observation.extent_direction_from_baseline for observation in observations] == [
        None,
        WORSE,
        WORSE,
        STABLE,
    ]
    assert [observation.extent_direction_from_previous for observation in observations] == [
        None,
        WORSE,
        STABLE,
        BETTER,
    ]


def test_where_no_error_is_known_a_change_has_no_direction(course, read):
    """The opacity's is not measured, the extent's is."""
    course({"day": 0, "extent": 1.0}, {"day": 1, "extent": 8.0})

    trend = read()

    assert trend.errors == ERRORS
    assert trend.extent_smallest_detectable_change == LIMIT
    assert trend.opacity_smallest_detectable_change is None
    last = trend.observations[-1]
    assert last.extent_direction_from_baseline == WORSE
    assert last.opacity_from_baseline == 0
    assert last.opacity_direction_from_baseline is None
    assert last.opacity_direction_from_previous is None


@pytest.mark.parametrize("extent", [0.0, 0.4, 1.0, 1.7, 3.0, 5.0, 6.9, 7.0, 7.5, 8.0])
def test_the_view_computes_intervals_as_the_calibration_does(course, read, extent):
    course({"day": 0, "extent": extent})

    (observation,) = read().observations

    for score, interval, points in (
        ("geographic_extent", observation.extent_interval, extent),
        ("opacity", observation.opacity_interval, 2.0),
    ):
        scale = version().geographic_extent if score == "geographic_extent" else version().opacity
        (expected,) = Margins(**CALIBRATION.margins[score]).around(np.array([points]), scale)
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_a_trend_says_by_which_calibration_it_speaks(course, read, database):
    course({"day": 0})
    assert read().calibration_sha256 == CALIBRATION.sha256
    with database.transaction() as session:
        adopt(session, 1, None)

    trend = read()
    assert trend.calibration_sha256 == ""
    assert trend.observations[0].extent_interval is None
    assert trend.errors is None


def test_an_image_within_the_limit_is_compared_like_any(course, read):
    near = DistributionCheck("frontal-1", distance=0.99)
    course(
        {"day": 0, "distribution_check": near},
        {"day": 1, "extent": 8.0, "distribution_check": near},
    )

    assert [observation.out_of_distribution for observation in read().observations] == [None, None]
    assert read().observations[-1].extent_from_baseline == 5


def test_nothing_is_compared_with_an_image_that_is_out_of_distribution(course, read):
    course(
        {"day": 0, "extent": 2.0},
        {"day": 1, "extent": 8.0, "distribution_check": INVERTED},
        {"day": 2, "extent": 4.0},
    )

    first, flagged, last = read().observations

    assert (flagged.geographic_extent, flagged.out_of_distribution) == (8.0, "inverted")
    assert flagged.days_since_baseline == 1
    assert {
        flagged.extent_from_baseline,
        flagged.extent_from_previous,
        flagged.extent_from_peak,
        flagged.extent_direction_from_baseline,
        flagged.extent_direction_from_previous,
    } == {None}
    assert first.out_of_distribution is last.out_of_distribution is None
    assert (last.extent_from_baseline, last.extent_from_previous, last.extent_from_peak) == (
        2,
        2,
        0,
    )
    assert (last.extent_direction_from_baseline, last.extent_direction_from_previous) == (
        WORSE,
        WORSE,
    )


def test_an_image_that_is_out_of_distribution_is_no_baseline(course, read):
    course(
        {"day": 0, "extent": 8.0, "distribution_check": INVERTED},
        {"day": 3, "extent": 2.0},
        {"day": 5, "extent": 2.5},
    )

    observations = read().observations

    assert [observation.days_since_baseline for observation in observations] == [-3, 0, 2]
    assert [observation.extent_from_baseline for observation in observations] == [None, 0, 0.5]
    assert [observation.extent_direction_from_baseline for observation in observations] == [
        None,
        None,
        STABLE,
    ]
    assert observations[1].extent_from_previous is None


def test_where_all_images_are_out_of_distribution_days_are_from_the_first(course, read):
    course({"day": 1, "distribution_check": INVERTED}, {"day": 3, "distribution_check": INVERTED})

    observations = read().observations

    assert observations[0].acquired_at > DAY_ZERO
    assert [observation.days_since_baseline for observation in observations] == [0, 2]
    assert [observation.extent_from_baseline for observation in observations] == [None, None]


def test_a_view_changes_from_the_image_that_is_compared(course, read):
    course(
        {"day": 0, "view": View.PA},
        {"day": 1, "view": View.AP, "distribution_check": INVERTED},
        {"day": 2, "view": View.AP},
        {"day": 3, "view": View.PA, "distribution_check": INVERTED},
        {"day": 4, "view": View.AP},
    )

    assert [observation.view_changed for observation in read().observations] == [
        False,
        False,
        True,
        False,
        False,
    ]
