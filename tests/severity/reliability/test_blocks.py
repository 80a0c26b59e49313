import numpy as np
import pytest

from severity.images.preprocessing import MODEL_LIMIT
from severity.reliability import Maps, light_blocks, maps
from tests.builders.images import three_images


def blocks(image: np.ndarray) -> np.ndarray:
    """The 14 x 14 blocks of 16 x 16 pixels of an image on [-1, 1], shape (14, 14, 16, 16)."""
    return (image / MODEL_LIMIT).reshape(14, 16, 14, 16).transpose(0, 2, 1, 3)


def test_energies_of_all_sizes_add_up_to_the_variance_of_a_block() -> None:
    images = three_images()

    means, *energies = light_blocks(images)

    for number, image in enumerate(images):
        expected = blocks(image.astype(float))
        assert means[number] == pytest.approx(expected.mean((2, 3)), abs=1e-5)
        assert sum(energies)[number] == pytest.approx(expected.var((2, 3)), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_detail_of_one_size_has_its_energy_alone(size: int) -> None:
    squares = np.indices((224, 224)).sum(0) if size == 1 else np.indices((224, 224)) // size
    board = np.where(np.sum(squares, 0) % 2 if size > 1 else squares % 2, 512.0, -512.0)

    _, *energies = light_blocks(board.astype(np.float32)[None])

    shares = [float(energy.mean()) for energy in energies]
    assert shares == pytest.approx([0.25 * (width == size) for width in (1, 2, 4, 8)])


def test_no_rising_change_of_greys_moves_the_layout() -> None:
    (image,) = three_images()[:1]
    brighter = (((image / MODEL_LIMIT + 1) / 2) ** 0.5 * 2 - 1) * MODEL_LIMIT

    # A block's mean is no grey level: detail within it moves it a little.
    (plain, changed) = maps([image, brighter])

    assert np.corrcoef(plain.layout.ravel(), changed.layout.ravel())[0, 1] > 0.99


def test_equal_blocks_share_their_rank() -> None:
    half = np.full((224, 224), -MODEL_LIMIT, np.float32)
    half[:, 112:] = MODEL_LIMIT

    (image,) = maps([half])

    assert len(np.unique(image.layout)) == 2
    assert image.layout[0, 0] == pytest.approx(-image.layout[0, -1])
    assert not image.detail.any()


def test_the_maps_of_a_rotated_mirrored_or_inverted_image_are_those_of_its_pixels() -> None:
    (image,) = three_images()[:1]
    (plain,) = maps([image])
    pairs: list[tuple[Maps, np.ndarray]] = [
        (plain.mirrored(), image[:, ::-1]),
        (plain.inverted(), -image),
        (plain.rotated(1), np.rot90(image)),
    ]

    for expected, pixels in pairs:
        (found,) = maps([np.ascontiguousarray(pixels)])
        assert found.features == pytest.approx(expected.features, abs=0.02)
