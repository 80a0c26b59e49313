import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from severity.evaluation.duplicates import distances, near_duplicates, perceptual_hash


def image(seed: int) -> NDArray[np.float32]:
    clouds = gaussian_filter(np.random.default_rng(seed).normal(size=(224, 224)), 12)
    return (clouds / np.abs(clouds).max() * 1024).astype(np.float32)


@pytest.mark.parametrize(
    "copy",
    [
        lambda original: original * 0.6 + 100,
        lambda original: np.sign(original) * 1024 * np.abs(original / 1024) ** 0.7,
        lambda original: original + np.random.default_rng(0).normal(scale=40, size=original.shape),
        lambda original: original[:, ::-1],
    ],
    ids=["exposure", "contrast", "noise", "mirrored"],
)
def test_a_copy_is_found_among_other_images(copy) -> None:
    images = [image(1), image(2), copy(image(1)), image(3)]

    hashes = np.array([perceptual_hash(pixels) for pixels in images])

    assert near_duplicates(hashes) == [(0, 2)]
    assert np.array_equal(distances(hashes), distances(hashes).T)


def test_no_images_have_no_copies() -> None:
    assert near_duplicates(np.zeros((0, 2, 255), bool)) == []
