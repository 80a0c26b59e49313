"""Both scores by lung, and opacities by zone, from what a network draws."""

import numpy as np
import pytest
from numpy.typing import NDArray

from severity.domain import Lungs, Scale, Zone
from severity.errors import WrongWeights
from severity.heads.lungs import LINE, Division

SIDE = 56
EXTENT, OPACITY = Scale(0, 8), Scale(0, 6)
RIGHT, LEFT = slice(6, 24), slice(32, 50)  # columns; the patient's right is on the left
TOP, BOTTOM = 9, 45
AS_DRAWN = Division(slope=1.0, offset=0.0)


def maps(*opaque: tuple[slice, slice]) -> NDArray[np.float32]:
    """Two lungs of 36 by 18 pixels, and opacities in them."""
    drawn = np.zeros((3, SIDE, SIDE), np.float32)
    drawn[0, TOP:BOTTOM, RIGHT] = 0.9
    drawn[1, TOP:BOTTOM, LEFT] = 0.9
    for rows, columns in opaque:
        drawn[2, rows, columns] = 1.0
    return drawn


def lungs(drawn: NDArray[np.float32], *, extent: float = 3.0, opacity: float = 2.0) -> Lungs:
    divided = AS_DRAWN.lungs((extent, opacity), (EXTENT, OPACITY), drawn)
    assert divided is not None
    return divided


def test_a_lung_has_the_part_of_the_scores_that_its_opacities_make_up():
    one_sided = lungs(maps((slice(33, 45), LEFT)))

    assert one_sided.left.geographic_extent > 0.9 * 3.0
    assert one_sided.left.opacity > one_sided.right.opacity
    assert one_sided.right.geographic_extent + one_sided.left.geographic_extent == 3.0
    assert one_sided.right.opacity + one_sided.left.opacity == 2.0


def test_opacity_follows_area_less_than_extent_does():
    """A lung with four times the area has not four times the density."""
    uneven = lungs(maps((slice(9, 33), RIGHT), (slice(9, 15), LEFT)))

    assert uneven.right.geographic_extent > 0.7 * 3.0
    assert 0.55 * 2.0 < uneven.right.opacity < 0.7 * 2.0


@pytest.mark.parametrize("drawn", [maps(), maps((slice(TOP, BOTTOM), slice(0, SIDE)))])
def test_lungs_that_are_alike_have_half_each(drawn):
    same = lungs(drawn)

    assert same.right == same.left


@pytest.mark.parametrize(("extent", "opacity"), [(8.0, 6.0), (6.5, 5.0), (0.0, 0.0)])
def test_no_lung_has_more_than_half_of_a_scale(extent, opacity):
    full = lungs(maps((slice(TOP, BOTTOM), RIGHT)), extent=extent, opacity=opacity)

    for lung in (full.right, full.left):
        assert 0 <= lung.geographic_extent <= 4
        assert 0 <= lung.opacity <= 3
    assert full.right.geographic_extent + full.left.geographic_extent == extent


@pytest.mark.parametrize(
    ("rows", "columns", "zone"),
    [
        (slice(9, 21), RIGHT, Zone.RIGHT_UPPER),
        (slice(21, 33), RIGHT, Zone.RIGHT_MIDDLE),
        (slice(33, 45), RIGHT, Zone.RIGHT_LOWER),
        (slice(9, 21), LEFT, Zone.LEFT_UPPER),
        (slice(21, 33), LEFT, Zone.LEFT_MIDDLE),
        (slice(33, 45), LEFT, Zone.LEFT_LOWER),
    ],
)
def test_a_zone_is_a_third_of_a_lungs_height(rows, columns, zone):
    zones = lungs(maps((rows, columns))).zones

    assert zones[zone] == pytest.approx(1)
    assert sum(zones.values()) == pytest.approx(1)


def test_what_is_drawn_beside_the_lungs_is_no_opacity_of_a_zone():
    zones = lungs(maps((slice(0, 9), RIGHT), (slice(TOP, BOTTOM), slice(24, 32)))).zones

    assert set(zones.values()) == {0.0}


def test_the_line_turns_probabilities_into_shares_between_0_and_1():
    drawn = maps((slice(9, 21), RIGHT), (slice(21, 33), LEFT)) * np.float32(0.9)
    drawn[2, 33:45, LEFT] = 0.5

    divided = Division(slope=2.0, offset=-0.2).lungs((3.0, 2.0), (EXTENT, OPACITY), drawn)

    assert divided is not None
    assert divided.zones[Zone.LEFT_LOWER] == pytest.approx(0.8)
    assert divided.zones[Zone.RIGHT_UPPER] == 1
    assert divided.zones[Zone.RIGHT_LOWER] == 0


def test_without_two_lungs_nothing_is_divided():
    one_lung = maps()
    one_lung[1] = 0

    assert AS_DRAWN.lungs((3.0, 2.0), (EXTENT, OPACITY), one_lung) is None


def test_a_line_is_stored_and_read_again():
    stored = Division(slope=1.5, offset=-0.25).tensors()

    assert Division.of(stored) == Division(slope=1.5, offset=-0.25)
    assert Division.of({}) is None


@pytest.mark.parametrize("line", [[1.0], [0.0, 0.1], [-1.0, 0.0], [np.nan, 0.0], [1.0, np.inf]])
def test_a_line_that_does_not_rise_is_refused(line):
    with pytest.raises(WrongWeights):
        Division.of({LINE: np.array(line, np.float32)})
