"""Pixels and frames: every encoding of an image is the image, and none is taken on trust."""

import struct
import tracemalloc
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    RLELossless,
)

from severity.domain import Reason
from tests.builders.encoded_images import dicom_file, grey_image, jpeg_file, patches
from tests.builders.reading import brightness, published, read, reason


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEG2000Lossless],
)
def test_the_same_pixels_are_the_same_image_in_every_lossless_encoding(syntax: str) -> None:
    plain = read(dicom_file())

    assert read(dicom_file(syntax=syntax)).pixel_sha256() == plain.pixel_sha256()


@pytest.mark.parametrize("shape", [(104, 121), (103, 121)])
def test_bytes_in_words_of_a_big_endian_file_are_in_their_order(shape: tuple[int, int]) -> None:
    """PS3.5, 6.2: the first byte of a word in OW is the second pixel there; so says pydicom."""
    grey = (grey_image(bits=8, shape=shape) % 256).astype(np.uint8)
    big = dicom_file(grey, bits=8, syntax=ExplicitVRBigEndian)

    assert read(big).pixel_sha256() == read(dicom_file(grey, bits=8)).pixel_sha256()
    np.testing.assert_array_equal(dcmread(BytesIO(big)).pixel_array, grey)


def test_a_real_image_is_the_same_image_when_compressed_without_loss() -> None:
    """Although it is then decoded to half its size."""
    plain, lossless, lossy = (
        read(published(f"RG1_{name}.dcm")).pixel_sha256() for name in ("UNCR", "J2KR", "J2KI")
    )

    assert plain == lossless
    assert plain != lossy


def test_lossless_jpeg_is_read() -> None:
    original = dcmread(get_testdata_file("JPGLosslessP14SV1_1s_1f_8b.dcm", download=False))
    frame = get_frame(original.PixelData, 0, number_of_frames=1)
    image = dicom_file(
        np.zeros((original.Rows, original.Columns), np.uint8),
        bits=8,
        syntax=original.file_meta.TransferSyntaxUID,
        frame=frame,
    )

    lossless = imagecodecs.ljpeg_decode(frame)  # not the decoder that is used
    np.testing.assert_allclose(brightness(read(image).grey), lossless / 255, rtol=0, atol=1e-6)


def test_lossy_jpeg_is_read() -> None:
    pixels = np.add.outer(np.arange(100), np.arange(120)).astype(np.uint8)

    image = brightness(read(dicom_file(pixels, bits=8, syntax=JPEGBaseline8Bit)).grey)

    np.testing.assert_allclose(image, pixels / 255, rtol=0, atol=0.03)


def test_a_pixel_beyond_the_stored_bits_is_not_masked_away() -> None:
    assert reason(dicom_file(patches(0, 4096), bits=12)) == Reason.UNTRUSTWORTHY_PIXELS


def test_a_signed_pixel_beyond_the_stored_bits_is_refused() -> None:
    image = dicom_file(patches(0, 2048, dtype=np.int16), bits=12)

    assert reason(image) == Reason.UNTRUSTWORTHY_PIXELS


def test_a_huge_image_is_refused_before_anything_is_allocated() -> None:
    image = dicom_file(Rows=60_000, Columns=60_000)
    tracemalloc.start()
    try:
        assert reason(image) == Reason.TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 10 * len(image) + 2**20
    finally:
        tracemalloc.stop()


def test_a_compressed_frame_of_another_size_is_refused_before_it_is_decoded() -> None:
    jpeg = bytearray(jpeg_file(np.zeros((100, 100), np.uint8)))
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = struct.pack(">2H", 60_000, 60_000)
    lossless = bytearray(frame_of(dicom_file(syntax=JPEG2000Lossless)))
    lossless[8:16] = struct.pack(">2I", 60_000, 60_000)

    for frame, syntax in ((jpeg, JPEGBaseline8Bit), (lossless, JPEG2000Lossless)):
        image = dicom_file(patches(0, dtype=np.uint8), bits=8, syntax=syntax, frame=bytes(frame))
        assert reason(image) == Reason.UNTRUSTWORTHY_PIXELS


def frame_of(image: bytes) -> bytes:
    return get_frame(dcmread(BytesIO(image)).PixelData, 0, number_of_frames=1)


@pytest.mark.parametrize("lost", [1, 2, 50, 500])
@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless])
def test_a_compressed_frame_that_was_cut_off_before_it_was_sent_is_corrupt(
    syntax: str, lost: int
) -> None:
    """libjpeg decodes such frames without complaint and leaves the rest grey."""
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100)).astype(np.uint8)
    frame = frame_of(dicom_file(pixels, bits=8, syntax=syntax)).rstrip(b"\0")

    image = dicom_file(pixels, bits=8, syntax=syntax, frame=frame[:-lost])

    assert reason(image) == Reason.CORRUPT


def test_a_jp2_file_instead_of_a_frame_is_refused_and_not_searched_for_ever() -> None:
    """pydicom never ends on a box of length 0."""
    frame = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(100)

    image = dicom_file(syntax=JPEG2000Lossless, frame=frame)

    assert reason(image) == Reason.UNSUPPORTED_ENCODING


@pytest.mark.parametrize("frame", [b"\xff\xd8", b"\xff\xd8\xff\xde\x00\x04", b"\xff" * 99])
def test_a_frame_that_is_no_jpeg_is_corrupt(frame: bytes) -> None:
    image = dicom_file(syntax=JPEGLossless, frame=frame + bytes(len(frame) % 2))

    assert reason(image) == Reason.CORRUPT


def test_a_second_frame_that_the_header_conceals_is_not_overlooked() -> None:
    frame = frame_of(dicom_file(syntax=RLELossless))

    plain = dicom_file(PixelData=grey_image().tobytes() * 2)
    compressed = dicom_file(syntax=RLELossless, PixelData=encapsulate([frame, frame]))

    assert reason(plain) == Reason.MULTI_FRAME
    assert reason(compressed) == Reason.MULTI_FRAME


def test_one_frame_in_several_fragments_is_read() -> None:
    frame = frame_of(dicom_file(syntax=JPEG2000Lossless))
    fragments = encapsulate([frame], fragments_per_frame=3)

    image = read(dicom_file(syntax=JPEG2000Lossless, PixelData=fragments))

    assert image.pixel_sha256() == read(dicom_file()).pixel_sha256()


@pytest.mark.parametrize(
    "attributes",
    [{"HighBit": 15}, {"HighBit": 13}, {"BitsStored": 0}, {"BitsStored": 17, "HighBit": 16}],
)
def test_bits_that_contradict_each_other_make_pixels_untrustworthy(
    attributes: dict[str, int],
) -> None:
    assert reason(dicom_file(**attributes)) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
@pytest.mark.parametrize("signed", [False, True])
def test_pixels_in_the_upper_bits_are_the_same_image(syntax: str, *, signed: bool) -> None:
    pixels = grey_image().astype(np.int16) - 2048 if signed else grey_image()
    window = {"WindowCenter": "100", "WindowWidth": "4000"}

    upper = read(dicom_file(pixels << 4, syntax=syntax, HighBit=15, **window))

    assert upper.pixel_sha256() == read(dicom_file(pixels, **window)).pixel_sha256()


def test_the_upper_bits_are_believed_only_if_all_below_are_empty() -> None:
    pixels = grey_image() << 4
    pixels[7, 7] += 1

    assert reason(dicom_file(pixels, HighBit=15)) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize("width", [1, 3, 100.5, 4096, 4097, 1e6])
@pytest.mark.parametrize("centre", [-3, 0, 0.25, 2047.5, 2048, 4095.75])
@pytest.mark.parametrize("slope", [1, -0.5, 3.3])
def test_values_beyond_a_window_are_black_or_white_and_the_others_exact(
    centre: float, width: float, slope: float
) -> None:
    pixels = np.arange(10_000, dtype=np.uint16).reshape(100, 100) % 4096
    attributes = {
        "RescaleSlope": str(slope),
        "RescaleIntercept": "1.5",
        "WindowCenter": str(centre),
        "WindowWidth": str(width),
        "VOILUTFunction": "LINEAR_EXACT",
    }

    exact = np.clip((pixels * slope + 1.5 - centre) / width + 0.5, 0, 1)
    if exact.min() == exact.max():
        assert reason(dicom_file(pixels, **attributes)) == Reason.UNTRUSTWORTHY_PIXELS
        return
    image = read(dicom_file(pixels, **attributes)).grey

    np.testing.assert_allclose(brightness(image), exact, rtol=0, atol=1e-6)
    assert image.values.min() >= min(image.black, image.white)
    assert image.values.max() <= max(image.black, image.white)


def test_an_uncompressed_image_is_not_copied_to_floats() -> None:
    image = read(dicom_file(WindowCenter="2048", WindowWidth="4096")).grey

    assert image.values.dtype == np.uint16


def test_pixel_data_that_are_not_as_the_transfer_syntax_says_are_refused() -> None:
    """Their bytes would be taken for pixels, or pixels for a frame."""
    plain = dicom_file()
    encapsulated = dicom_file(syntax=RLELossless)
    syntaxes = ExplicitVRLittleEndian.encode(), RLELossless.encode()

    assert reason(plain.replace(*syntaxes)) == Reason.CORRUPT
    assert reason(encapsulated.replace(*reversed(syntaxes))) == Reason.CORRUPT
