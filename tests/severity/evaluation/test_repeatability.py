import numpy as np
import pytest

from severity.evaluation.repeatability import (
    Moment,
    repeat_sets,
    standard_error,
    within_24_hours,
)


def days(*numbers: float | None) -> list[Moment | None]:
    return [None if number is None else Moment(number) for number in numbers]


def test_the_standard_error_of_pairs_is_their_rms_difference_by_root_two():
    points = np.array([1.0, 2.0, 5.0, 5.0, 3.0, 1.0])

    error = standard_error(points, ["a", "a", "b", "b", "c", "c"])

    assert error is not None
    assert error.points == pytest.approx(np.sqrt(np.mean([1, 0, 4])) / np.sqrt(2))
    assert error.degrees == 3


def test_a_known_error_is_recovered_whatever_the_patients_points():
    generator = np.random.default_rng(0)
    sets = np.repeat(np.arange(2000), generator.integers(1, 5, 2000))
    points = generator.uniform(0, 8, 2000)[sets] + generator.normal(0, 0.4, len(sets))

    error = standard_error(points, sets.tolist())

    assert error is not None
    assert error.points == pytest.approx(0.4, rel=0.03)
    assert error.degrees == len(sets) - 2000


def test_95_of_100_intervals_hold_the_true_error_even_of_few_pairs():
    generator = np.random.default_rng(1)
    sets = [pair for pair in range(6) for _ in range(2)]
    covering = 0
    for _ in range(2000):
        error = standard_error(generator.normal(4, 0.7, 12), sets)
        assert error is not None
        covering += error.interval.low <= 0.7 <= error.interval.high

    assert covering / 2000 == pytest.approx(0.95, abs=0.015)


def test_images_that_nothing_repeats_have_no_error():
    assert standard_error(np.array([1.0, 2.0]), ["a", "b"]) is None
    assert standard_error(np.array([]), []) is None


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        (Moment(3), Moment(3), True),
        (Moment(3), Moment(4), True),
        (Moment(3), Moment(5), False),
        (Moment(3.2, hour_known=True), Moment(4.1, hour_known=True), True),
        (Moment(3.2, hour_known=True), Moment(4.3, hour_known=True), False),
        (Moment(3.2, hour_known=True), Moment(4), True),
    ],
)
def test_hours_decide_where_they_are_known_and_days_where_not(first, second, near):
    assert within_24_hours(first, second) is near


def test_no_image_is_in_two_sets():
    sets = repeat_sets(["a"] * 5, days(3, 0, 1, 2, 9))

    assert sets == [(1, 2), (3, 0)]


def test_images_of_two_patients_or_of_nobody_repeat_nothing():
    assert repeat_sets(["a", "b", "", ""], days(0, 0, 0, 0)) == []
    assert repeat_sets(["a", "a"], days(0, None)) == []


def test_a_copy_is_no_repeat_and_the_next_image_still_is():
    patients, moments = ["a", "a", "a"], days(0, 0, 0)

    assert repeat_sets(patients[:2], moments[:2], [(0, 1)]) == []
    assert repeat_sets(patients, moments, [(1, 0)]) == [(0, 2)]
