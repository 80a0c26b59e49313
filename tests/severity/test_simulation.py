import numpy as np
import pytest
from numpy.typing import NDArray

from severity.simulation import (
    DENSEST,
    Course,
    Ellipse,
    lung_fields,
    paint_opacities,
    wipe_opacities,
)

LUNGS = (
    Ellipse(0.45, 0.27, 0.32, 0.15, lean=-0.2),
    Ellipse(0.45, 0.73, 0.32, 0.15, lean=0.2),
)
AMOUNTS = np.linspace(0, 1, 9)


@pytest.fixture
def image() -> NDArray[np.float32]:
    """A bright body with dark lungs, ribs across them and a little noise."""
    body = np.full((240, 220), 0.9, np.float32)
    ribs = 0.08 * np.sin(np.arange(240) / 6)[:, None]
    lungs = lung_fields(body.shape, lungs=LUNGS) * (0.4 + ribs)
    noise = np.random.default_rng(7).uniform(0, 0.02, body.shape)
    return (body - lungs + noise).astype(np.float32)


@pytest.fixture
def inside(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    return lung_fields(image.shape, lungs=LUNGS) > 0


def painted(image: NDArray[np.float32], amount: float, *, seed: int = 1) -> NDArray[np.float32]:
    return paint_opacities(image, lungs=LUNGS, amount=amount, seed=seed)


def test_amount_zero_paints_nothing(image: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(painted(image, 0), image)


@pytest.mark.parametrize("seed", range(4))
def test_lungs_brighten_strictly_with_the_amount(
    image: NDArray[np.float32], inside: NDArray[np.bool_], seed: int
) -> None:
    means = [painted(image, amount, seed=seed)[inside].mean() for amount in AMOUNTS]

    assert np.all(np.diff(means) > 0.001)


def test_no_pixel_darkens_as_the_amount_grows(image: NDArray[np.float32]) -> None:
    images = np.stack([painted(image, amount) for amount in AMOUNTS])

    assert np.all(np.diff(images, axis=0) >= 0)


def test_covered_area_and_density_both_grow_with_the_amount(image: NDArray[np.float32]) -> None:
    added = [painted(image, amount) - image for amount in AMOUNTS[1:]]

    areas = [np.mean(brightening > 0.01) for brightening in added]
    densities = [np.mean(brightening[brightening > 0.01]) for brightening in added]
    assert np.all(np.diff(areas[:6]) > 0)  # from there on, nearly all of the lungs are covered
    assert np.all(np.diff(densities) > 0)


def test_pixels_outside_the_lungs_stay_as_they_are(
    image: NDArray[np.float32], inside: NDArray[np.bool_]
) -> None:
    np.testing.assert_array_equal(painted(image, 1)[~inside], image[~inside])


def test_opacities_never_reach_white(image: NDArray[np.float32]) -> None:
    result = painted(image, 1)

    brightened = result > image
    assert result.dtype == np.float32
    assert result.min() >= image.min()
    assert result[brightened].max() < DENSEST


def test_ribs_stay_visible_through_the_densest_opacities(image: NDArray[np.float32]) -> None:
    with_a_rib = image.copy()
    rib = np.s_[100:110, 50:70]
    with_a_rib[rib] += 0.05

    contrast = (painted(with_a_rib, 1) - painted(image, 1))[rib]

    assert contrast.min() > 0.004
    assert contrast.mean() > 0.01


def test_the_source_image_is_not_changed(image: NDArray[np.float32]) -> None:
    before = image.copy()

    painted(image, 1)

    np.testing.assert_array_equal(image, before)


def test_a_seed_places_the_patches_alike_whatever_was_painted_between(
    image: NDArray[np.float32],
) -> None:
    once = painted(image, 0.5, seed=3)
    for seed in range(10, 20):  # more than are kept in memory
        painted(image, 0.5, seed=seed)

    np.testing.assert_array_equal(painted(image, 0.5, seed=3), once)


def test_seeds_place_the_patches_differently(image: NDArray[np.float32]) -> None:
    first, second = (painted(image, 0.4, seed=seed) - image for seed in (1, 2))

    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] < 0.9


def test_a_seed_places_the_patches_alike_in_an_image_of_another_size(
    image: NDArray[np.float32],
) -> None:
    large = np.kron(image, np.ones((2, 2), np.float32))

    halved = painted(large, 0.5).reshape(240, 2, 220, 2).mean(axis=(1, 3))

    assert np.abs(halved - painted(image, 0.5)).max() < 0.05


@pytest.mark.parametrize("amount", [-0.01, 1.01, float("nan")])
def test_an_amount_beyond_its_range_is_refused(image: NDArray[np.float32], amount: float) -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        painted(image, amount)


def test_a_course_runs_straight_between_its_points_and_stays_beyond_them() -> None:
    course = Course(((2, 0.2), (6, 0.6)))

    assert [course.amount(day) for day in (0, 2, 3, 6, 9)] == pytest.approx(
        [0.2, 0.2, 0.3, 0.6, 0.6]
    )


def test_a_nodule_is_wiped_out_and_a_fine_vessel_stays(image: NDArray[np.float32]) -> None:
    rows, columns = np.mgrid[:240, :220]
    nodule = 0.3 * np.exp(-((rows - 120) ** 2 + (columns - 60) ** 2) / (2 * 6**2))
    vessel = 0.1 * (rows == 120) * (np.abs(columns - 160) < 10)

    clear = wipe_opacities(image, lungs=LUNGS)
    wiped = wipe_opacities((image + nodule + vessel).astype(np.float32), lungs=LUNGS)

    assert (wiped - clear)[100:140, 40:80].max() < 0.05
    assert (wiped - clear)[120, 155:165].min() > 0.05


def test_nothing_outside_the_lungs_is_wiped_out(
    image: NDArray[np.float32], inside: NDArray[np.bool_]
) -> None:
    np.testing.assert_array_equal(wipe_opacities(image, lungs=LUNGS)[~inside], image[~inside])


def test_wiping_darkens_and_never_brightens(image: NDArray[np.float32]) -> None:
    assert (wipe_opacities(image, lungs=LUNGS) <= image).all()
