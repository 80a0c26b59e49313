"""Frames that contradict the header, or would cost too much, are refused undecoded."""

import struct
from collections.abc import Callable

import numpy as np
import pytest
from pydicom import uid

from severity.domain import Reason
from tests.builders.encoded_images import dicom_file, grey_image, jpeg_file, with_more_scans
from tests.builders.encoders import LOSSLESS, htj2k, j2k
from tests.builders.reading import read, reason


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
def test_a_frame_of_another_size_is_refused(syntax: str, encode: Callable) -> None:
    frame = encode(grey_image(shape=(104, 121)), 12)

    assert reason(dicom_file(syntax=syntax, frame=frame)) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
def test_samples_wider_than_the_header_allocates_are_refused(syntax: str, encode: Callable) -> None:
    pixels = grey_image(bits=12)
    image = dicom_file(pixels.astype(np.uint8), bits=8, syntax=syntax, frame=encode(pixels, 12))

    assert reason(image) == Reason.UNTRUSTWORTHY_PIXELS


def test_a_jpeg_of_many_scans_is_refused() -> None:
    """Each would take as long as the image."""
    pixels = grey_image(bits=8).astype(np.uint8)
    frame = jpeg_file(pixels, progressive=True)
    images = [
        dicom_file(pixels, bits=8, syntax=uid.JPEGBaseline8Bit, frame=frame)
        for frame in (frame, with_more_scans(frame, 100))
    ]

    assert read(images[0])
    assert reason(images[1]) == Reason.UNSUPPORTED_ENCODING


@pytest.mark.parametrize("part", [b"\xff", b"\xff\xe5\0\2"])
def test_a_jpeg_of_thousands_of_segments_is_refused(part: bytes) -> None:
    pixels = grey_image(bits=8).astype(np.uint8)
    frame = jpeg_file(pixels)
    images = [
        dicom_file(
            pixels,
            bits=8,
            syntax=uid.JPEGBaseline8Bit,
            frame=frame[:2] + part * count + frame[2:],
        )
        for count in (900, 2000)
    ]

    assert read(images[0])
    assert reason(images[1]) == Reason.CORRUPT


@pytest.mark.parametrize(("syntax", "encode"), [(uid.JPEG2000, j2k), (uid.HTJ2K, htj2k)])
def test_a_frame_of_the_other_signedness_is_refused(syntax: str, encode: Callable) -> None:
    frame = encode(grey_image(), 12)
    image = dicom_file(grey_image().astype(np.int16), syntax=syntax, frame=frame)

    assert reason(image) == Reason.UNTRUSTWORTHY_PIXELS


def test_htj2k_and_jpeg_2000_are_not_taken_for_each_other() -> None:
    images = [
        dicom_file(syntax=uid.HTJ2KLossless, frame=j2k(grey_image(), 12)),
        dicom_file(syntax=uid.JPEG2000, frame=htj2k(grey_image(), 12)),
    ]

    assert {reason(image) for image in images} == {Reason.UNTRUSTWORTHY_PIXELS}


@pytest.mark.parametrize(
    "change",
    [
        {"tile": (1, 1)},
        {"layers": 65_535, "precincts": 0x00},
        {"precincts": 0x00},
    ],
)
def test_a_codestream_that_needs_an_account_of_millions_of_parts_is_refused(
    change: dict[str, int],
) -> None:
    pixels = grey_image(shape=(1500, 1500))
    frame = bytearray(j2k(pixels, 12))
    cod = frame.index(b"\xff\x52")
    if "tile" in change:
        frame[24:32] = struct.pack(">2I", 1, 1)
    if "layers" in change:
        frame[cod + 6 : cod + 8] = struct.pack(">H", change["layers"])
    if "precincts" in change:
        levels = frame[cod + 9]
        frame[cod + 4] |= 1
        frame[cod + 2 : cod + 4] = struct.pack(">H", 12 + levels + 1)
        frame[cod + 14 : cod + 14] = bytes([change["precincts"]] * (levels + 1))

    image = dicom_file(pixels, syntax=uid.JPEG2000, frame=bytes(frame))

    assert reason(image) == Reason.UNSUPPORTED_ENCODING


def test_a_tile_with_coding_parameters_of_its_own_is_refused() -> None:
    frame = j2k(grey_image(), 12)
    at = frame.index(b"\xff\x52")
    coding = frame[at : at + 14]
    tile = frame.index(b"\xff\x90")
    length = struct.pack(">I", struct.unpack_from(">I", frame, tile + 6)[0] + len(coding))
    with_coding = (
        frame[: tile + 6] + length + frame[tile + 10 : tile + 12] + coding + frame[tile + 12 :]
    )

    assert reason(dicom_file(syntax=uid.JPEG2000, frame=with_coding)) == Reason.UNSUPPORTED_ENCODING


def rle(*segments: bytes, offsets: list[int] | None = None) -> bytes:
    starts, at = [], 64
    for segment in segments:
        starts.append(at)
        at += len(segment)
    header = [len(segments), *(offsets or starts)]
    return struct.pack("<16I", *header, *[0] * (16 - len(header))) + b"".join(segments)


RUN = bytes([129, 7, 129, 9]) * 48 + bytes([129, 7, 193, 9])  # 97 times 128 and 64 of 104 x 120


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (rle(RUN), Reason.UNTRUSTWORTHY_PIXELS),
        (rle(RUN, RUN, RUN), Reason.UNTRUSTWORTHY_PIXELS),
        (rle(RUN, RUN, offsets=[64, 64]), Reason.CORRUPT),
        (rle(RUN, RUN, offsets=[64, 2**31]), Reason.CORRUPT),
        (rle(RUN, RUN, offsets=[65, 260]), Reason.CORRUPT),
        (rle(RUN, RUN[:100]), Reason.CORRUPT),
        (rle(RUN, RUN * 1000), Reason.CORRUPT),
        (rle(RUN, RUN)[:50], Reason.CORRUPT),
    ],
)
def test_run_lengths_that_are_not_the_image_are_refused(frame: bytes, expected: Reason) -> None:
    assert read(dicom_file(syntax=uid.RLELossless, frame=rle(RUN.replace(b"\t", b"\0"), RUN))).grey
    assert reason(dicom_file(syntax=uid.RLELossless, frame=frame)) == expected
