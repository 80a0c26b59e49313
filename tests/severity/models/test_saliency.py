import numpy as np
import pytest

pytest.importorskip("skimage")

from skimage.filters import gaussian

from severity.models.saliency import saliency_maps

pytestmark = pytest.mark.weights


@pytest.fixture
def gradients():
    noise = np.random.default_rng(0).normal(0, 1e-3, (3, 224, 224))
    return noise.astype(np.float32) * np.float32([1, 2, 3])[:, None, None]


def test_a_map_is_what_the_authors_compute_from_the_gradient(gradients):
    for saliency_map, gradient in zip(saliency_maps(gradients), gradients, strict=True):
        authors_map = gaussian(gradient**2, sigma=(5, 5), truncate=3.5)
        np.testing.assert_allclose(saliency_map, authors_map, rtol=1e-6)


def test_a_map_depends_on_its_own_image_alone(gradients):
    together = saliency_maps(gradients)
    alone = np.concatenate([saliency_maps(gradients[place : place + 1]) for place in range(3)])

    np.testing.assert_array_equal(together, alone)


def test_maps_are_float32_never_negative_and_zero_where_nothing_matters(gradients):
    gradients[1] = 0
    maps = saliency_maps(gradients)

    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert maps[1].max() == 0 < maps[0].min()
