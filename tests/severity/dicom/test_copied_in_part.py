"""Films that were copied in part, into files of their whole size: never taken for a whole film."""

from datetime import UTC

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from severity.domain import Reason
from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord
from severity.pseudonym import DerivedUids
from tests.builders.encoded_images import dicom_file, grey_image, jpeg_file, png_file
from tests.builders.encoders import jpeg_ls, lossless_jpeg
from tests.builders.reading import published, read, reason

NOISE = np.random.default_rng(0).integers(100, 4000, (200, 210)).astype(np.uint16)
ENCODINGS = {
    "uncompressed": dicom_file(NOISE),
    "implicit": dicom_file(NOISE, syntax=ImplicitVRLittleEndian),
    "big endian": dicom_file(NOISE, syntax=ExplicitVRBigEndian),
    "MONOCHROME1": dicom_file(NOISE, PhotometricInterpretation="MONOCHROME1"),
    "8 bits": dicom_file((NOISE >> 4).astype(np.uint8), bits=8),
    "deflated": dicom_file(NOISE, syntax=DeflatedExplicitVRLittleEndian),
    "RLE": dicom_file(NOISE, syntax=RLELossless),
    "JPEG": dicom_file((NOISE >> 4).astype(np.uint8), bits=8, syntax=JPEGBaseline8Bit),
    "lossless JPEG": dicom_file(NOISE, syntax=JPEGLosslessSV1, frame=lossless_jpeg(NOISE, 12)),
    "JPEG-LS": dicom_file(NOISE, syntax=JPEGLSLossless, frame=jpeg_ls(NOISE, 12)),
    "JPEG 2000": dicom_file(NOISE, syntax=JPEG2000Lossless),
    "PNG": png_file((NOISE >> 4).astype(np.uint8)),
    "JPEG file": jpeg_file((NOISE >> 4).astype(np.uint8)),
}


def reason_of(content: bytes) -> Reason:
    with pytest.raises(RejectedImage) as rejected:
        read_radiograph(
            content, SidecarRecord(patient_id="1"), uids=DerivedUids.unlinked(), zone=UTC
        )
    return rejected.value.reason


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.9])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_whose_end_is_zeros_is_corrupt(encoding: str, share: float) -> None:
    content = ENCODINGS[encoding]
    copied = int(len(content) * share)

    assert reason_of(content[:copied] + bytes(len(content) - copied)) == Reason.CORRUPT


@pytest.mark.parametrize("blocks", [10, 100, 500, 800])
def test_a_real_film_that_was_copied_in_part_is_corrupt(blocks: int) -> None:
    content = published("RG1_UNCR.dcm")
    copied = 4096 * blocks

    assert reason(content[:copied] + bytes(len(content) - copied)) == Reason.CORRUPT


def slanted(rows: int) -> np.ndarray:
    """A film whose lower border is black and slants by so many rows from left to right."""
    pixels = NOISE.copy()
    border = 150 + np.arange(pixels.shape[1]) * rows // pixels.shape[1]
    pixels[np.arange(len(pixels))[:, None] >= border] = 0
    return pixels


def framed(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    pixels = np.zeros_like(NOISE)
    pixels[top:bottom, left:right] = NOISE[top:bottom, left:right]
    return pixels


def round_film() -> np.ndarray:
    rows, columns = np.indices(NOISE.shape)
    return np.where((rows - 100) ** 2 + (columns - 100) ** 2 < 80**2, NOISE, 0).astype(np.uint16)


def with_mark() -> np.ndarray:
    pixels = framed(0, 150, 0, 210)
    pixels[185:190, 20:60] = 4000
    return pixels


def with_words(place_of_p: int) -> np.ndarray:
    """As of "liegend, ap": the g reaches a row further down than the p."""
    pixels = framed(0, 150, 0, 210)
    pixels[180:190, place_of_p : place_of_p + 6] = 4000
    pixels[180:191, 20:30] = 4000
    return pixels


def with_noise() -> np.ndarray:
    specks = np.random.default_rng(1).random(NOISE.shape) < 0.01
    return framed(0, 150, 0, 210) | specks.astype(np.uint16)


WHOLE = {
    "a black lower border": framed(0, 150, 0, 210),
    "a black frame": framed(20, 180, 30, 190),
    "a slanted border": slanted(40),
    "a border that hardly slants": slanted(4),
    "a border that slants the other way": np.ascontiguousarray(slanted(30)[:, ::-1]),
    "a round film": round_film(),
    "a mark below": with_mark(),
    "words below": with_words(150),
    "a word below": with_words(45),
    "noise in the border": with_noise(),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_film_that_is_black_below_is_whole(name: str) -> None:
    assert read(dicom_file(WHOLE[name])).grey.values.shape == NOISE.shape


def test_a_film_that_needs_its_last_row_is_whole() -> None:
    pixels = grey_image()
    pixels[-1, 30:] = 0

    assert read(dicom_file(pixels))


def test_zeros_behind_the_pixels_are_no_second_frame() -> None:
    pixels = grey_image()

    assert read(dicom_file(pixels, PixelData=pixels.tobytes() + bytes(pixels.nbytes)))
    assert reason(dicom_file(pixels, PixelData=pixels.tobytes() * 2)) == Reason.MULTI_FRAME


@pytest.mark.parametrize("padding", [1, 8, 9, 64, 4096])
@pytest.mark.parametrize(
    ("syntax", "encode"), [(JPEGLosslessSV1, lossless_jpeg), (JPEGLSLossless, jpeg_ls)]
)
def test_zeros_behind_the_end_of_a_frame_are_padding(
    padding: int, syntax: str, encode: object
) -> None:
    frame = encode(NOISE, 12)

    padded = dicom_file(NOISE, syntax=syntax, frame=frame + bytes(padding))

    assert (read(padded).grey.values == NOISE).all()
