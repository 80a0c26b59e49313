"""PNG and JPEG files of more parts than an image has are refused before Pillow reads them."""

import struct
import zlib
from datetime import UTC

import numpy as np
import pytest

from severity.domain import Reason
from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord
from severity.pseudonym import DerivedUids
from tests.builders.encoded_images import grey_image, jpeg_file, png_file, with_more_scans

GREY = grey_image(bits=8).astype(np.uint8)
COLOUR = np.dstack([GREY] * 3)
TEXT = b"tEXt", b"k\0v"
COMPRESSED = [
    (b"iCCP", b"k\0\0" + zlib.compress(bytes(1000))),
    (b"zTXt", b"k\0\0" + zlib.compress(bytes(1000))),
    (b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(1000))),
]


def outcome(content: bytes) -> Reason | None:
    """Return why a file is refused, or None."""
    somebody = SidecarRecord(patient_id="2")
    try:
        read_radiograph(content, somebody, uids=DerivedUids.unlinked(), zone=UTC)
    except RejectedImage as rejected:
        return rejected.reason
    return None


def png_with(kind: bytes, data: bytes, *, count: int, before: bytes = b"IDAT") -> bytes:
    image = png_file(GREY)
    at = image.index(before) - 4
    chunk = struct.pack(">L", len(data)) + kind + data
    chunk += struct.pack(">L", zlib.crc32(kind + data))
    return image[:at] + chunk * count + image[at:]


def segment(marker: int, content: bytes = b"") -> bytes:
    return struct.pack(">2H", marker, 2 + len(content)) + content


def jpeg_with(part: bytes, *, count: int) -> bytes:
    image = jpeg_file(GREY)
    return image[:2] + part * count + image[2:]


@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_a_png_may_have_hundreds_of_texts_but_not_thousands(before: bytes) -> None:
    assert outcome(png_with(*TEXT, count=900, before=before)) is None
    assert outcome(png_with(*TEXT, count=1001, before=before)) == Reason.TOO_LARGE


@pytest.mark.parametrize(("kind", "data"), COMPRESSED)
def test_a_png_may_have_few_compressed_chunks(kind: bytes, data: bytes) -> None:
    assert outcome(png_with(kind, data, count=90)) is None
    assert outcome(png_with(kind, data, count=101)) == Reason.TOO_LARGE


def test_a_png_may_have_thousands_of_chunks_of_pixels() -> None:
    assert outcome(png_with(b"IDAT", b"", count=20_000)) is None
    assert outcome(png_with(b"IDAT", b"", count=100_000)) == Reason.TOO_LARGE


@pytest.mark.parametrize(
    "part",
    [
        segment(0xFFE5),
        segment(0xFFFE, b"a comment"),
        segment(0xFFE2, b"ICC_PROFILE\0\1\1"),
        segment(0xFFE5, b"\xff\xda\0\2"),  # the start of a scan, in a thumbnail
        b"\xff",
        b"\0",
        b"\xff\xd0",
    ],
)
def test_a_jpeg_may_have_hundreds_of_segments_but_not_thousands(part: bytes) -> None:
    assert outcome(jpeg_with(b"\xff\xfe\0\2" + part, count=200)) is None
    assert outcome(jpeg_with(b"\xff\xfe\0\2" + part, count=10_000)) == Reason.TOO_LARGE


@pytest.mark.parametrize("pixels", [GREY, COLOUR])
def test_a_progressive_jpeg_has_few_scans(pixels: np.ndarray) -> None:
    image = jpeg_file(pixels, progressive=True)

    assert outcome(image) is None
    assert outcome(with_more_scans(image, 100)) == Reason.UNSUPPORTED_ENCODING


def test_a_colour_jpeg_has_few_scans_even_if_it_is_not_progressive() -> None:
    image = with_more_scans(jpeg_file(COLOUR), 100)

    assert outcome(image) == Reason.UNSUPPORTED_ENCODING
