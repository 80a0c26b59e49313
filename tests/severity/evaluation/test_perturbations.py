from collections import Counter

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from severity.evaluation.perturbations import (
    MOST_CROPPED,
    VERSIONS,
    Perturbation,
    perturbed,
    versions,
)
from severity.images.grey_image import Band, GreyImage
from severity.images.preprocessing import to_model_input

SIDE = (300, 260)


def image(*, inverted: bool = False) -> GreyImage:
    """Soft clouds, as a radiograph has them, with 12 bits."""
    clouds = gaussian_filter(np.random.default_rng(0).normal(size=SIDE), 12)
    values = (2048 + 700 * clouds / clouds.std()).clip(0, 4095).astype(np.uint16)
    black, white = (4095.0, 0.0) if inverted else (0.0, 4095.0)
    return GreyImage(4095 - values if inverted else values, black, white, *SIDE)


@pytest.mark.parametrize("kind", list(Perturbation))
def test_the_same_seed_gives_the_same_image_and_another_seed_another(kind):
    first, again, another = (perturbed(image(), kind, seed=seed) for seed in (3, 3, 4))

    assert np.array_equal(first.values, again.values)
    assert not np.array_equal(first.values, another.values)


@pytest.mark.parametrize("kind", list(Perturbation))
def test_a_perturbed_image_keeps_its_scale_and_all_but_its_edges(kind):
    cropping = kind in {Perturbation.CROP, Perturbation.ALL}
    for seed in range(10):
        changed = perturbed(image(), kind, seed=seed)

        assert (changed.black, changed.white) == (0, 1)
        assert 0 <= changed.values.min() < changed.values.max() <= 1
        for length, whole in zip(changed.values.shape, SIDE, strict=True):
            least = whole * (1 - 2 * MOST_CROPPED) if cropping else whole
            assert least <= length <= whole


@pytest.mark.parametrize("kind", list(Perturbation))
def test_what_the_network_sees_changes_but_stays_the_same_image(kind):
    before = to_model_input(image())
    after = to_model_input(perturbed(image(), kind, seed=5))

    assert 0 < np.abs(after - before).mean() < 300
    assert np.corrcoef(after.ravel(), before.ravel())[0, 1] > 0.8


def test_an_image_stored_inverted_is_changed_as_it_is_shown():
    plain, inverted = (
        perturbed(image(inverted=is_inverted), Perturbation.ALL, seed=2)
        for is_inverted in (False, True)
    )

    assert np.allclose(plain.values, inverted.values, atol=1 / 255)


def test_a_band_of_half_the_size_is_an_image_of_its_own():
    values = np.full((50, 40), 4200, np.int16)
    grey = GreyImage(values, 0.0, 4095.0, 100, 80, Band.LOW_9_7)

    rotated = perturbed(grey, Perturbation.ROTATION, seed=0)

    assert (rotated.rows, rotated.columns, rotated.band) == (50, 40, Band.FULL)
    assert rotated.values.max() == 1


def test_every_version_of_an_image_is_another():
    changed = list(versions(image(), seed=7))

    assert Counter(kind for kind, _ in changed) == VERSIONS
    assert len({version.values.tobytes() for _, version in changed}) == sum(VERSIONS.values())
