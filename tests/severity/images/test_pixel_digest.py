"""Images are identified by what they show, whatever file they came in."""

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import get_frame

from severity.images.grey_image import Band, GreyImage
from severity.images.pixel_digest import pixel_sha256

SHAPE = (301, 240)
MARK = 16  # the side of a mark that never goes unnoticed


def image(shape: tuple[int, int] = SHAPE, *, bits: int = 12, seed: int = 0) -> GreyImage:
    """A smooth image with the noise of an exposure."""
    down, across = (np.linspace(0.2, 0.8, length) for length in shape)
    exposed = np.outer(down, across) * 2**bits
    noise = np.random.default_rng(seed).normal(0, 2**bits / 200, shape)
    return grey((exposed + noise).astype(np.uint8 if bits == 8 else np.uint16), bits=bits)


def grey(pixels: NDArray[np.generic], *, bits: int) -> GreyImage:
    return GreyImage(pixels, 0, 2**bits - 1, *pixels.shape)


def half(frame: bytes, full: GreyImage, *, bits: int) -> GreyImage:
    """Decode a lossless JPEG 2000 frame with OpenJPEG, leaving out one wavelet level."""
    image = Image.open(io.BytesIO(frame))
    image.reduce = 1
    image.load()
    low = np.asarray(image)
    if low.dtype == np.uint16:
        low = low >> (16 - bits)
    return replace(full, values=low, band=Band.LOW_5_3)


def jpeg_2000(pixels: NDArray[np.generic]) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG2000", irreversible=False)
    return encoded.getvalue()


@pytest.mark.parametrize(("black", "white"), [(0, 2**15 - 1), (2**15 - 1, 0), (29999, 0)])
def test_a_real_image_is_the_same_whole_and_decoded_to_half_its_size(
    black: float, white: float
) -> None:
    plain = dcmread(get_testdata_file("RG1_UNCR.dcm", download=False)).pixel_array
    compressed = dcmread(get_testdata_file("RG1_J2KR.dcm", download=False))
    frame = get_frame(compressed.PixelData, 0, number_of_frames=1)
    whole = GreyImage(plain, black, white, *plain.shape)

    assert pixel_sha256(half(frame, whole, bits=15)) == pixel_sha256(whole)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("shape", [(301, 240), (240, 301), (128, 128), (127, 129), (113, 115)])
def test_an_image_of_any_size_is_the_same_whole_and_decoded_to_half_its_size(
    shape: tuple[int, int], bits: int
) -> None:
    whole = image(shape, bits=bits)

    assert pixel_sha256(half(jpeg_2000(whole.values), whole, bits=bits)) == pixel_sha256(whole)


@pytest.mark.parametrize("bits", [8, 16])
def test_overshoot_that_a_decoder_cuts_off_makes_no_difference(bits: int) -> None:
    """Next to black and white pixels the band would go beyond both."""
    kind = np.uint8 if bits == 8 else np.uint16
    ends = np.random.default_rng(0).integers(0, 2, SHAPE).astype(kind) * kind(2**bits - 1)
    whole = grey(ends, bits=bits)

    assert pixel_sha256(half(jpeg_2000(ends), whole, bits=bits)) == pixel_sha256(whole)


def test_only_the_distance_from_black_counts() -> None:
    """A decoder of half-size images may count from another value, as may signed pixels."""
    whole = image()
    signed = GreyImage(whole.values.astype(np.int16) - 2048, -2048, 2047, *SHAPE)
    raised = GreyImage(whole.values + 1024, 1024, 1024 + 4095, *SHAPE)
    in_bytes = image(bits=8)
    low = half(jpeg_2000(in_bytes.values), in_bytes, bits=8)
    raised_low = replace(low, values=low.values.astype(np.uint16) + 128, black=128, white=383)

    assert pixel_sha256(signed) == pixel_sha256(raised) == pixel_sha256(whole)
    assert pixel_sha256(raised_low) == pixel_sha256(in_bytes)


def test_two_exposures_differ() -> None:
    assert pixel_sha256(image(seed=0)) != pixel_sha256(image(seed=1))


def test_size_black_white_and_band_are_part_of_the_identity() -> None:
    original = image((240, 240))
    variants = [
        replace(original, values=original.values.reshape(160, 360), rows=160, columns=360),
        replace(original, black=4095, white=0),
        replace(original, white=4094),
        replace(original, black=-0.5, white=4095.5),
        replace(original, rows=480, columns=480, band=Band.LOW_5_3),
        replace(original, rows=480, columns=479, band=Band.LOW_5_3),
        replace(original, rows=480, columns=480, band=Band.LOW_9_7),
        replace(original, values=original.values.astype(np.float32)),
    ]

    assert len({pixel_sha256(variant) for variant in [original, *variants]}) == len(variants) + 1


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("by", [1, -1, 16])
def test_a_shifted_copy_is_another_image(axis: int, by: int) -> None:
    original = image()
    shifted = replace(original, values=np.roll(original.values, by, axis=axis))

    assert pixel_sha256(shifted) != pixel_sha256(original)


@pytest.mark.parametrize("row", [0, 16, 17, 47, 288])
@pytest.mark.parametrize("column", [0, 1, 120, 239])
def test_a_pixel_that_changes_in_a_sampled_row_makes_another_image(row: int, column: int) -> None:
    original = image()
    changed = original.values.copy()
    changed[row, column] += 64

    assert pixel_sha256(replace(original, values=changed)) != pixel_sha256(original)


def test_a_mark_burned_in_anywhere_makes_another_image() -> None:
    original = image()
    expected = pixel_sha256(original)
    rows, columns = SHAPE
    for top in range(rows - MARK + 1):
        marked = original.values.copy()
        left = top * 7 % (columns - MARK + 1)
        marked[top : top + MARK, left : left + MARK] = 4095

        assert pixel_sha256(replace(original, values=marked)) != expected, f"mark at row {top}"


def test_a_pixel_between_the_sampled_rows_goes_unnoticed() -> None:
    """The price of a digest that costs a tenth; no two exposures differ so little."""
    original = image()
    changed = original.values.copy()
    changed[24, 120] += 64

    assert pixel_sha256(replace(original, values=changed)) == pixel_sha256(original)


@pytest.mark.parametrize("band", [Band.FULL, Band.LOW_9_7])
def test_of_values_that_are_no_lossless_pixels_every_one_counts(band: Band) -> None:
    shape = (100, 120) if band is Band.FULL else (200, 240)
    kind = np.float32 if band is Band.FULL else np.uint16
    values = np.random.default_rng(0).integers(0, 4096, (100, 120)).astype(kind)
    changed = values.copy()
    changed[24, 60] += 1

    plain, edited = (GreyImage(v, 0, 4096, *shape, band) for v in (values, changed))

    assert pixel_sha256(plain) == pixel_sha256(replace(plain, values=values.copy()))
    assert pixel_sha256(plain) != pixel_sha256(edited)


def test_a_window_may_be_as_wide_as_it_likes() -> None:
    wide = replace(image(), black=-1e12, white=1e12)

    assert pixel_sha256(wide) != pixel_sha256(replace(wide, white=2e12))


def test_pixels_that_may_not_be_written_have_an_identity() -> None:
    original = image()
    values = np.frombuffer(original.values.tobytes(), np.uint16).reshape(SHAPE)

    assert pixel_sha256(replace(original, values=values)) == pixel_sha256(original)
