"""Against torchxrayvision itself, on real images and on sizes and exposures that are rare."""

import io
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import get_frame
from scipy import ndimage

from severity.images.grey_image import Band, GreyImage
from severity.images.preprocessing import to_model_input
from severity.images.torch_preprocessing import to_model_input_on

with warnings.catch_warnings():
    # torchxrayvision silences every warning of the whole process when it is imported.
    from torchxrayvision.datasets import XRayCenterCrop, XRayResizer
    from torchxrayvision.utils import normalize


TOLERANCE = 0.01  # on [-1024, 1024]
IMAGES = 8
CPU = torch.device("cpu")
GPU = torch.device("cuda")
RG1_WHITE = 2**15 - 1

ON_CPU = pytest.param(to_model_input, id="numpy")
ON_DEVICE = pytest.param(lambda grey: to_model_input_on(grey, CPU).numpy(), id="torch")
Prepare = Callable[[GreyImage], NDArray[np.float32]]


def reference(pixels: NDArray[np.number], full_scale: float) -> NDArray[np.float32]:
    """Return the image as torchxrayvision prepares it, shape (224, 224)."""
    scaled = normalize(pixels, full_scale)[None]
    square = XRayResizer(224)(XRayCenterCrop()(scaled))
    return square[0]


def grey(pixels: NDArray[np.number], *, black: float = 0, white: float) -> GreyImage:
    return GreyImage(pixels, black, white, *pixels.shape)


def assert_equals_reference(
    pixels: NDArray[np.number], full_scale: float, prepare: Prepare = to_model_input
) -> None:
    prepared = prepare(grey(pixels, white=full_scale))

    assert prepared.shape == (224, 224)
    assert prepared.dtype == np.float32
    assert np.abs(prepared - reference(pixels, full_scale)).max() <= TOLERANCE


def noise(
    shape: tuple[int, int], *, bits: int, darkest: float = 0, brightest: float = 1
) -> NDArray[np.unsignedinteger]:
    """Pixels at random between two shares of the full scale."""
    shares = np.random.default_rng(0).uniform(darkest, brightest, shape)
    return (shares * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def rg1(name: str) -> NDArray[np.uint16]:
    return dcmread(get_testdata_file(f"{name}.dcm", download=False)).pixel_array


@pytest.mark.parametrize("name", ["RG1_UNCR", "RG1_UNCI"])
def test_a_real_dicom_image_is_preprocessed_as_the_published_models_expect(name: str) -> None:
    assert_equals_reference(rg1(name), RG1_WHITE)


def test_real_png_and_jpeg_images_of_all_sizes_are_preprocessed_as_expected(cidc: Path) -> None:
    by_bytes = sorted((cidc / "images").iterdir(), key=lambda file: file.stat().st_size)
    for file in by_bytes[:: len(by_bytes) // IMAGES]:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("L"))

        assert_equals_reference(pixels, 255)


@pytest.mark.parametrize("prepare", [ON_CPU, ON_DEVICE])
@pytest.mark.parametrize("bits", [8, 15, 16])
@pytest.mark.parametrize(
    "shape",
    [
        (100, 100),
        (101, 100),
        (120, 120),
        (100, 173),
        (223, 224),
        (224, 224),
        (225, 226),
        (300, 800),
        (448, 449),
        (1000, 701),
    ],
)
def test_every_size_and_depth_is_preprocessed_as_expected(
    shape: tuple[int, int], bits: int, prepare: Prepare
) -> None:
    assert_equals_reference(noise(shape, bits=bits), 2**bits - 1, prepare)


@pytest.mark.parametrize("shape", [(1955, 1841), (1023, 2047), (4200, 3500)])
def test_large_images_are_preprocessed_as_expected(shape: tuple[int, int]) -> None:
    assert_equals_reference(noise(shape, bits=16), 65535)


@pytest.mark.parametrize("prepare", [ON_CPU, ON_DEVICE])
@pytest.mark.parametrize("shape", [(150, 150), (224, 224), (300, 451), (700, 500)])
@pytest.mark.parametrize(("darkest", "brightest"), [(0.55, 1), (0, 0.45), (0.8, 0.8), (0.2, 0.2)])
def test_the_border_of_an_image_on_one_side_of_mid_grey_is_clipped_as_expected(
    shape: tuple[int, int], darkest: float, brightest: float, prepare: Prepare
) -> None:
    pixels = noise(shape, bits=8, darkest=darkest, brightest=brightest)

    assert_equals_reference(pixels, 255, prepare)


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


@pytest.mark.parametrize("prepare", [ON_CPU, ON_DEVICE])
@pytest.mark.parametrize(("darkest", "brightest"), [(0, 1), (0.55, 1), (0, 0.45)])
def test_an_inverted_image_is_preprocessed_like_the_image_that_it_shows(
    darkest: float, brightest: float, prepare: Prepare
) -> None:
    displayed = noise((400, 301), bits=12, darkest=darkest, brightest=brightest)

    prepared = prepare(grey(4095 - displayed, black=4095, white=0))

    assert np.abs(prepared - reference(displayed, 4095)).max() <= TOLERANCE


@pytest.mark.parametrize("prepare", [ON_CPU, ON_DEVICE])
@pytest.mark.parametrize(
    ("dtype", "black", "white"),
    [(np.int16, -2048, 2047), (np.uint16, 60000.5, 64095.5), (np.float32, 0, 1)],
)
def test_black_and_white_may_lie_anywhere(
    dtype: type, black: float, white: float, prepare: Prepare
) -> None:
    values = (noise((400, 301), bits=12) / 4095 * (white - black) + black).astype(dtype)
    values = np.clip(values, np.ceil(black).astype(dtype), np.floor(white).astype(dtype))

    prepared = prepare(grey(values, black=black, white=white))

    displayed = (values.astype(np.float64) - black) / (white - black)
    assert np.abs(prepared - reference(displayed, 1)).max() <= TOLERANCE


def test_black_and_white_are_the_ends_of_the_range() -> None:
    pixels = np.zeros((224, 224), np.uint8)
    pixels[:, 112:] = 255

    prepared = to_model_input(grey(pixels, white=255))

    assert prepared[100, 50] == prepared.min() == -1024
    assert prepared[100, 200] == prepared.max() == 1024


def test_pixels_are_read_only_and_stay_as_they_are() -> None:
    pixels = noise((300, 300), bits=16)
    pixels.flags.writeable = False
    before = pixels.copy()

    first = to_model_input(grey(pixels, white=65535))
    to_model_input_on(grey(pixels, white=65535), CPU)

    assert (pixels == before).all()
    assert (to_model_input(grey(pixels, white=65535)) == first).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_a_gpu_prepares_as_the_cpu_does(dtype: type) -> None:
    pixels = noise((1955, 1841), bits=8 if dtype == np.uint8 else 15).astype(dtype)
    image = grey(pixels, white=float(pixels.max()))

    on_gpu = to_model_input_on(image, GPU)

    assert on_gpu.is_cuda
    assert np.abs(on_gpu.cpu().numpy() - to_model_input(image)).max() <= TOLERANCE


# Half-size images


def low_band(frame: bytes, bits: int) -> NDArray[np.uint16]:
    """Decode all wavelet levels but one with OpenJPEG, which aligns 16 bits at the top."""
    image = Image.open(io.BytesIO(frame))
    image.reduce = 1
    image.load()
    return np.asarray(image) >> (16 - bits)


def half_size(frame: bytes, full: GreyImage, *, bits: int, band: Band) -> GreyImage:
    low = low_band(frame, bits)
    return GreyImage(low, full.black, full.white, full.rows, full.columns, band)


@pytest.mark.parametrize("prepare", [ON_CPU, ON_DEVICE])
@pytest.mark.parametrize(
    ("name", "band", "difference"),
    [("RG1_J2KR", Band.LOW_5_3, 0.5), ("RG1_J2KI", Band.LOW_9_7, 0.8)],
)
def test_a_real_image_decoded_to_half_its_size_is_prepared_like_the_whole_one(
    name: str, band: Band, difference: float, prepare: Prepare
) -> None:
    content = get_testdata_file(f"{name}.dcm", download=False)
    frame = get_frame(dcmread(content).PixelData, 0, number_of_frames=1)
    full = grey(rg1(name), black=RG1_WHITE, white=0)

    half = half_size(frame, full, bits=15, band=band)

    assert np.abs(prepare(half) - to_model_input(full)).max() <= difference


@pytest.mark.parametrize("shape", [(700, 1001), (1001, 700), (813, 812), (701, 702)])
@pytest.mark.parametrize(
    ("darkest", "brightest", "difference"),
    # An image on one side of mid-grey is clipped at its border to what the band's range is.
    [(5000, 60000, 0.6), (40000, 60000, 5), (500, 25000, 5)],
)
@pytest.mark.parametrize("band", [Band.LOW_5_3, Band.LOW_9_7])
def test_a_half_size_image_is_cropped_and_clipped_as_the_full_one_is(
    shape: tuple[int, int], darkest: int, brightest: int, difference: float, band: Band
) -> None:
    """Smooth, so that the details that it lacks are small: a shift by one pixel shows."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(shape), 8)
    ends = [smooth.min(), smooth.max()]
    pixels = np.interp(smooth, ends, [darkest, brightest]).astype(np.uint16)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG2000", irreversible=band is Band.LOW_9_7)
    full = grey(pixels, white=65535)

    half = half_size(encoded.getvalue(), full, bits=16, band=band)

    moved = grey(np.roll(pixels, (1, 1), axis=(0, 1)), white=65535)
    apart = np.abs(to_model_input(half) - to_model_input(full))
    assert apart.max() <= difference
    assert apart[2:-2, 2:-2].max() <= 0.2
    assert np.abs(to_model_input(moved) - to_model_input(full)).max() > 10


def test_a_constant_half_size_image_is_constant() -> None:
    for band in (Band.LOW_5_3, Band.LOW_9_7):
        half = GreyImage(np.full((350, 251), 200, np.uint8), 0, 255, 700, 501, band)

        whole = to_model_input(grey(np.full((700, 501), 200, np.uint8), white=255))

        assert np.abs(to_model_input(half) - whole).max() <= TOLERANCE


# What a grey image is


@pytest.mark.parametrize(
    ("values", "black", "white"),
    [
        (np.zeros((99, 120), np.uint8), 0, 1),
        (np.zeros((120, 100), np.uint8), 0, 1),
        (np.zeros((100, 120)), 0, 1),
        (np.zeros((100, 120), np.int32), 0, 1),
        (np.zeros((100, 120), ">u2"), 0, 1),
        (np.zeros((120, 100), np.uint8).T, 0, 1),
        (np.zeros((100, 120), np.uint8), 1, 1),
        (np.zeros((100, 120), np.uint8), 0, np.nan),
    ],
)
def test_a_grey_image_is_as_decoders_give_it(
    values: NDArray[np.generic], black: float, white: float
) -> None:
    with pytest.raises(ValueError, match=r"values are|decoders return|nothing lies between"):
        GreyImage(values, black, white, 100, 120)


# Speed


def test_an_image_is_prepared_many_times_faster_than_by_the_reference() -> None:
    """It is 40 times; 10 leaves room for a machine with other work."""
    pixels = noise((1955, 1841), bits=15)
    image = grey(pixels, white=RG1_WHITE)

    prepared = shortest(lambda: to_model_input(image), times=10)

    assert prepared < shortest(lambda: reference(pixels, RG1_WHITE), times=2) / 10


def shortest(work: Callable[[], object], *, times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
