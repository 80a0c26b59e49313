"""Every encoding gives the stored values, in full or at half the size."""

import io
from collections.abc import Callable
from math import ceil

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread, uid
from pydicom.data import get_testdata_file
from pydicom.encaps import get_frame

from severity.codecs.decoders import DECODERS, LEAST_SIDE_FOR_LOW_BAND
from severity.images.grey_image import Band
from tests.builders.encoded_images import dicom_file, grey_image
from tests.builders.encoders import HTJ2K, LOSSLESS, Pixels, htj2k, j2k, jpeg_ls
from tests.builders.reading import brightness, published, read

LARGE = (LEAST_SIDE_FOR_LOW_BAND + 5, LEAST_SIDE_FOR_LOW_BAND)


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_every_lossless_encoding_gives_the_stored_values(
    syntax: str, encode: Callable, bits: int
) -> None:
    pixels = grey_image(bits=bits)
    pixels[:2, :2] = [[0, 2**bits - 1], [2**bits - 1, 0]]
    pixels = pixels.astype(np.uint8) if bits == 8 else pixels

    image = read(dicom_file(pixels, bits=bits, syntax=syntax, frame=encode(pixels, bits))).grey

    assert (image.values == pixels).all()
    assert image.values.dtype == pixels.dtype
    assert (image.black, image.white, image.band) == (0, 2**bits - 1, Band.FULL)


@pytest.mark.parametrize(
    "syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int8, np.int16])
def test_uncompressed_and_run_lengths_give_the_stored_values(syntax: str, dtype: type) -> None:
    limits = np.iinfo(dtype)
    pixels = np.linspace(limits.min, limits.max, 101 * 103).astype(dtype).reshape(101, 103)

    image = read(dicom_file(pixels, bits=limits.bits, syntax=syntax)).grey

    assert (image.values == pixels).all()
    assert image.values.dtype == (np.int16 if dtype == np.int8 else dtype)
    assert (image.black, image.white) == (limits.min, limits.max)


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
@pytest.mark.parametrize("bits", [12, 16])
def test_signed_values_keep_their_sign(syntax: str, encode: Callable, bits: int) -> None:
    pixels = (grey_image(bits=bits).astype(np.int32) - 2 ** (bits - 1)).astype(np.int16)
    coded = 16 if encode is jpeg_ls else bits
    encoded = pixels if encode in {j2k, htj2k} else pixels.view(np.uint16) & (2**coded - 1)

    image = read(dicom_file(pixels, bits=bits, syntax=syntax, frame=encode(encoded, bits))).grey

    assert (image.values == pixels).all()


@pytest.mark.parametrize(
    ("syntax", "bits", "encode", "most"),
    [
        (uid.JPEGBaseline8Bit, 8, lambda p: imagecodecs.jpeg8_encode(p, level=95), 4),
        (
            uid.JPEGExtended12Bit,
            12,
            lambda p: imagecodecs.jpeg8_encode(p, level=95, bitspersample=12),
            64,
        ),
        (uid.JPEGLSNearLossless, 16, lambda p: jpeg_ls(p, 16, level=3), 3),
        (uid.JPEG2000, 12, lambda p: j2k(p, 12, level=70, reversible=False), 16),
        (uid.HTJ2K, 12, lambda p: htj2k(p, 12, level=1e-4, reversible=False), 16),
        (uid.HTJ2K, 16, lambda p: htj2k(p, 16, level=1e-5, reversible=False), 16),
    ],
)
def test_lossy_encodings_come_close(
    syntax: str,
    bits: int,
    encode: Callable[[Pixels], bytes],
    most: int,
) -> None:
    """Also next to black and white, where what is lost may lie beyond the range."""
    pixels = grey_image(bits=bits)
    pixels[20:40, 20:40] = 2**bits - 1
    pixels[50:90, 20:40] = 0
    pixels = pixels.astype(np.uint8) if bits == 8 else pixels

    image = read(dicom_file(pixels, bits=bits, syntax=syntax, frame=encode(pixels))).grey

    assert np.abs(image.values.astype(int) - pixels).max() <= most


def test_more_bits_may_be_coded_than_are_stored() -> None:
    pixels = grey_image(bits=12)
    for syntax, encode in LOSSLESS:
        image = dicom_file(pixels, bits=12, syntax=syntax, frame=encode(pixels, 16))
        assert (read(image).grey.values == pixels).all()


def low_pass_5_3(pixels: Pixels) -> NDArray[np.int64]:
    """The low-pass band of ISO/IEC 15444-1, F.4.8.1, down the columns and then along the rows."""
    for axis in (0, 1):
        x = np.moveaxis(pixels.astype(np.int64), axis, 0)
        even, odd = x[::2], x[1::2]
        following = np.concatenate([even[1:], even[-1:]])[: len(odd)]
        high = odd - (even[: len(odd)] + following) // 2
        before = np.concatenate([high[:1], high])[: len(even)]
        after = np.concatenate([high, high[-1:]])[: len(even)]
        pixels = np.moveaxis(even + (before + after + 2) // 4, 0, axis)
    return pixels


@pytest.fixture
def large() -> Callable[[int], Pixels]:
    """An image with letters in black and white, near which the wavelet overshoots."""

    def image(bits: int) -> Pixels:
        pixels = grey_image(bits=bits, shape=LARGE)
        pixels[200:300, 100:121] = 2**bits - 1
        pixels[1000:1100, 900:921] = 0
        return pixels.astype(np.uint8) if bits == 8 else pixels

    return image


@pytest.mark.parametrize(
    ("syntax", "encode", "bits"),
    [(uid.JPEG2000Lossless, j2k, bits) for bits in (12, 15)]
    + [(syntax, htj2k, 12) for syntax in HTJ2K]
    + [(uid.HTJ2KLossless, htj2k, 15)],
)
@pytest.mark.parametrize("signed", [False, True])
def test_a_large_image_is_decoded_to_half_its_size_exactly(
    large: Callable[[int], Pixels],
    syntax: str,
    encode: Callable,
    bits: int,
    signed: bool,  # noqa: FBT001
) -> None:
    pixels = large(bits)
    if signed:
        pixels = (pixels.astype(np.int32) - 2 ** (bits - 1)).astype(np.int16)
    lowest = int(pixels.min())

    image = read(dicom_file(pixels, bits=bits, syntax=syntax, frame=encode(pixels, bits))).grey

    low = low_pass_5_3(pixels)
    assert low.min() < lowest, "the image overshoots"
    assert image.band == Band.LOW_5_3
    assert (image.rows, image.columns) == LARGE
    assert image.values.shape == (ceil(LARGE[0] / 2), ceil(LARGE[1] / 2))
    np.testing.assert_allclose(brightness(image), (low - lowest) / (2**bits - 1), rtol=0, atol=1e-9)


def test_an_image_of_256_grey_levels_is_decoded_in_full(large: Callable[[int], Pixels]) -> None:
    """The wavelet rounds by up to half a level, which would move its score."""
    pixels = large(8)

    image = read(dicom_file(pixels, bits=8, syntax=uid.JPEG2000Lossless, frame=j2k(pixels, 8))).grey

    assert image.band == Band.FULL
    assert (image.values == pixels).all()


def test_a_real_image_is_decoded_to_half_its_size() -> None:
    plain, lossless = read(published("RG1_UNCR.dcm")).grey, read(published("RG1_J2KR.dcm")).grey

    assert lossless.band == Band.LOW_5_3
    assert (plain.white, plain.black) == (0, 29999), "MONOCHROME1"
    low = low_pass_5_3(plain.values)
    np.testing.assert_allclose(brightness(lossless), (29999 - low) / 29999, rtol=0, atol=1e-9)


def test_a_real_lossy_image_is_decoded_to_half_its_size() -> None:
    plain, lossy = read(published("RG1_UNCR.dcm")).grey, read(published("RG1_J2KI.dcm")).grey

    assert lossy.band == Band.LOW_9_7
    assert np.abs(brightness(lossy) - brightness(plain)[::2, ::2]).mean() < 0.01


def test_a_real_image_is_decoded_in_full_where_it_must_be() -> None:
    """The same image uncompressed and compressed without loss."""
    dataset = dcmread(get_testdata_file("RG1_J2KR.dcm", download=False))
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    decoded = imagecodecs.jpeg2k_decode(frame)

    assert (decoded == read(published("RG1_UNCR.dcm")).grey.values).all()


@pytest.mark.parametrize(
    ("options", "band"),
    [
        ({}, Band.LOW_5_3),
        ({"irreversible": True}, Band.LOW_9_7),
        ({"num_resolutions": 1}, Band.FULL),
        ({"tile_size": (512, 512)}, Band.FULL),
        ({"offset": (1, 1), "tile_size": (2000, 2000)}, Band.FULL),
    ],
)
def test_what_has_no_low_band_of_its_own_is_decoded_in_full(
    options: dict[str, object], band: Band
) -> None:
    pixels = 9000 + grey_image(bits=15, shape=LARGE)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG2000", no_jp2=True, **options)

    image = read(dicom_file(pixels, bits=16, syntax=uid.JPEG2000, frame=file.getvalue())).grey

    assert image.band == band
    # Not the pixels: Pillow encodes 16 bits in tiles as something else.
    decoded = imagecodecs.jpeg2k_decode(file.getvalue())
    expected = decoded if band == Band.FULL else decoded[::2, ::2]
    values = image.values - int(image.black)  # a band counts from further below
    assert np.abs(values - expected.astype(int)).max() < 8, "of 65,536 grey levels"


@pytest.mark.parametrize(
    ("attributes", "band"),
    [
        ({"WindowCenter": "2048", "WindowWidth": "4096"}, Band.LOW_5_3),
        ({"RescaleSlope": "-2", "RescaleIntercept": "7"}, Band.LOW_5_3),
        ({"WindowCenter": "2000", "WindowWidth": "2000"}, Band.FULL),
        ({"VOILUTFunction": "SIGMOID", "WindowCenter": "2048", "WindowWidth": "4096"}, Band.FULL),
    ],
)
@pytest.mark.parametrize(("syntax", "encode"), [(uid.JPEG2000, j2k), (uid.HTJ2K, htj2k)])
def test_a_window_that_cuts_values_off_needs_the_full_image(
    large: Callable[[int], Pixels],
    syntax: str,
    encode: Callable,
    attributes: dict[str, str],
    band: Band,
) -> None:
    pixels = large(12)

    image = read(dicom_file(pixels, syntax=syntax, frame=encode(pixels, 12), **attributes)).grey

    assert image.band == band
    if band == Band.FULL:
        assert (image.values == read(dicom_file(pixels, **attributes)).grey.values).all()


@pytest.mark.parametrize(("syntax", "encode"), [(uid.JPEG2000, j2k), (uid.HTJ2K, htj2k)])
def test_where_no_room_is_left_for_the_overshoot_the_full_image_is_decoded(
    large: Callable[[int], Pixels], syntax: str, encode: Callable
) -> None:
    pixels = large(16)

    image = read(dicom_file(pixels, bits=16, syntax=syntax, frame=encode(pixels, 16))).grey

    assert image.band == Band.FULL
    assert (image.values == pixels).all()


def test_a_pattern_that_overshoots_most_does_not_wrap_around() -> None:
    pixels = np.zeros(LARGE, np.uint16)
    for rows in (0, 1, 3):  # of 4: the signs of the 5/3 filter
        for columns in (0, 1, 3):
            pixels[rows::4, columns::4] = 2**15 - 1
    for syntax, encode in ((uid.JPEG2000Lossless, j2k), (uid.HTJ2KLossless, htj2k)):
        image = read(dicom_file(pixels, bits=15, syntax=syntax, frame=encode(pixels, 15))).grey
        assert image.band == Band.FULL
        assert (image.values == pixels).all()


def test_every_transfer_syntax_of_still_images_in_one_part_has_a_decoder() -> None:
    left_out = {uid.JPEG2000MC, uid.JPEG2000MCLossless}  # several components
    for syntax in (
        *uid.RLETransferSyntaxes,
        *uid.JPEGTransferSyntaxes,
        *uid.JPEGLSTransferSyntaxes,
        *uid.JPEG2000TransferSyntaxes,
    ):
        assert (syntax in DECODERS) == (syntax not in left_out)
