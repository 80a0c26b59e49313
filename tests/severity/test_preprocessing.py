"""Against torchxrayvision itself, on real films and on sizes and exposures that are rare."""

import warnings
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file

from severity.errors import UntrustworthyPixels
from severity.preprocessing import to_model_input
from severity.reading import read_radiograph

with warnings.catch_warnings():
    # torchxrayvision silences every warning of the whole process when it is imported.
    from torchxrayvision.datasets import XRayCenterCrop, XRayResizer
    from torchxrayvision.utils import normalize


TOLERANCE = 0.05  # on [-1024, 1024]
FILMS = 8


def reference(pixels: NDArray[np.number], full_scale: float) -> NDArray[np.float32]:
    """What torchxrayvision makes of an image, shape (224, 224)."""
    scaled = normalize(pixels, full_scale)[None]
    square = XRayResizer(224)(XRayCenterCrop()(scaled))
    return square[0]


def assert_equals_reference(pixels: NDArray[np.number], full_scale: float) -> None:
    ours = to_model_input(pixels, full_scale=full_scale)

    assert ours.shape == (224, 224)
    assert ours.dtype == np.float32
    assert np.abs(ours - reference(pixels, full_scale)).max() <= TOLERANCE


def noise(
    shape: tuple[int, int], *, bits: int, darkest: float = 0, brightest: float = 1
) -> NDArray[np.unsignedinteger]:
    """Pixels at random between two shares of the full scale."""
    shares = np.random.default_rng(0).uniform(darkest, brightest, shape)
    return (shares * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG1_UNCI.dcm"])
def test_a_real_dicom_film_is_preprocessed_as_the_published_models_expect(name: str) -> None:
    content = Path(get_testdata_file(name, download=False)).read_bytes()
    film = read_radiograph(content, None, content_sha256="", zone=UTC)

    assert_equals_reference(film.pixels, film.full_scale)


def test_real_png_and_jpeg_films_of_all_sizes_are_preprocessed_as_expected(cidc: Path) -> None:
    by_bytes = sorted((cidc / "images").iterdir(), key=lambda file: file.stat().st_size)
    for file in by_bytes[:: len(by_bytes) // FILMS]:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("L"))

        assert_equals_reference(pixels, 255)


@pytest.mark.parametrize("bits", [8, 15, 16])
@pytest.mark.parametrize(
    "shape",
    [
        (100, 100),
        (101, 100),
        (100, 173),
        (223, 224),
        (224, 224),
        (225, 226),
        (301, 300),
        (448, 449),
        (1000, 701),
    ],
)
def test_every_size_and_depth_is_preprocessed_as_expected(
    shape: tuple[int, int], bits: int
) -> None:
    assert_equals_reference(noise(shape, bits=bits), 2**bits - 1)


@pytest.mark.parametrize("shape", [(2500, 2048), (1023, 2047)])
def test_large_images_are_preprocessed_as_expected(shape: tuple[int, int]) -> None:
    assert_equals_reference(noise(shape, bits=12), 4095)


@pytest.mark.parametrize("shape", [(150, 150), (224, 224), (300, 451), (700, 500)])
@pytest.mark.parametrize(("darkest", "brightest"), [(0.55, 1), (0, 0.45), (0.8, 0.8), (0.2, 0.2)])
def test_the_border_of_an_image_on_one_side_of_mid_grey_is_clipped_as_expected(
    shape: tuple[int, int], darkest: float, brightest: float
) -> None:
    assert_equals_reference(noise(shape, bits=8, darkest=darkest, brightest=brightest), 255)


@pytest.mark.parametrize("shape", [(100, 173), (400, 300)])
@pytest.mark.parametrize(("inside", "cut_off"), [((0.55, 1), 0), ((0, 0.45), 65535)])
def test_what_is_cut_off_does_not_change_how_the_rest_is_clipped(
    shape: tuple[int, int], inside: tuple[float, float], cut_off: int
) -> None:
    pixels = noise(shape, bits=16, darkest=inside[0], brightest=inside[1])
    if shape[0] < shape[1]:
        pixels[:, 0] = cut_off
    else:
        pixels[0] = cut_off

    assert_equals_reference(pixels, 65535)


def test_black_and_white_are_the_ends_of_the_range() -> None:
    pixels = np.zeros((224, 224), np.uint8)
    pixels[:, 112:] = 255

    ours = to_model_input(pixels, full_scale=255)

    assert ours[100, 50] == -1024
    assert ours[100, 200] == 1024


@pytest.mark.parametrize("beyond", [-0.01, 1.01, np.nan, np.inf])
def test_a_pixel_outside_the_range_is_never_clipped_away(beyond: float) -> None:
    pixels = np.full((120, 120), 0.5, np.float32)
    pixels[3, 5] = beyond

    with pytest.raises(UntrustworthyPixels):
        to_model_input(pixels, full_scale=1)
