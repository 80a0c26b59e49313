"""Marks and labels that do not lie on each other."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from flows.reports.courses.lanes import Extent, lanes, side_by_side

COORDINATES = st.integers(0, 40).map(float)


@given(st.lists(st.tuples(COORDINATES, COORDINATES), max_size=25), st.integers(0, 5))
def test_no_two_stretches_of_a_lane_overlap(ends: list[tuple[float, float]], gap: int) -> None:
    stretches = sorted((Extent(min(pair), max(pair)) for pair in ends), key=lambda each: each.left)
    chosen = list(zip(stretches, lanes(stretches, gap=gap), strict=True))

    for (before, lane), (after, other) in combinations(chosen, 2):
        assert lane != other or before.right + gap <= after.left


@given(st.lists(st.tuples(COORDINATES, COORDINATES), max_size=25))
def test_no_two_marks_overlap_and_only_those_that_would_are_moved(
    places: list[tuple[float, float]],
) -> None:
    moves = side_by_side(places, size=6)
    moved = [(x + move, y) for (x, y), move in zip(places, moves, strict=True)]

    for (x, y), (other, height) in combinations(moved, 2):
        assert abs(x - other) >= 5.99 or abs(y - height) >= 5.99
    assert moves[:1] in ([], [0.0])


def test_a_mark_without_neighbours_stays_in_its_place() -> None:
    assert side_by_side([(0, 0), (7, 0), (7, 3), (7, 9)], size=6) == [0, 0, 6, 0]
