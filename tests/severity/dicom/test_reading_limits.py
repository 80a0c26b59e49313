"""The memory that a hostile DICOM file takes."""

import resource
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path

import pytest
from pydicom.uid import JPEG2000Lossless

from severity.codecs.helper_processes import DecodingHelpers
from severity.dicom.reader import read_dicom
from severity.domain import Reason
from severity.errors import RejectedImage
from tests.builders.dicom_elements import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    PIXEL_DATA,
    UNDEFINED,
    after_meta,
    with_pixel_data,
)
from tests.builders.encoded_images import dicom_file

SIZE = 2**22  # bytes of each hostile file; as objects, some would take a hundred times as many
MEMORY = 150 * 2**20  # bytes that reading one may take beyond three times the file
SEQUENCE, PRIVATE = 0x52009230, 0x00111010
CHARACTER_SET, PATIENT_ID, VIEW_POSITION = 0x00080005, 0x00100020, 0x00185101
VOI_LUT, DESCRIPTOR, LUT_DATA = 0x00283010, 0x00283002, 0x00283006
META, COMMAND = 0x00020200, 0x00000001
MANY_CHARACTER_SETS = EXPLICIT.element(CHARACTER_SET, "CS", b"A\\" * 30_000)


def table(*elements: bytes) -> bytes:
    descriptor = EXPLICIT.element(DESCRIPTOR, "US", b"\x00\x10\x00\x00\x10\x00")
    return EXPLICIT.sequence(VOI_LUT, EXPLICIT.open_item(descriptor + b"".join(elements)))


def nested(depth: int) -> bytes:
    start = EXPLICIT.element(SEQUENCE, "SQ", length=UNDEFINED)
    return (start + EXPLICIT.open_item()[:8]) * depth


def copies(part: bytes) -> bytes:
    """Return as many copies as make a hostile file."""
    return part * (SIZE // len(part))


# Built when they are needed: together they are large.
HOSTILE: dict[str, tuple[Callable[[], bytes], Reason | None]] = {
    "empty items": (
        lambda: EXPLICIT.file(EXPLICIT.sequence(SEQUENCE, copies(EXPLICIT.item()))),
        Reason.TOO_LARGE,
    ),
    "empty items, implicit": (
        lambda: IMPLICIT.file(IMPLICIT.sequence(SEQUENCE, copies(IMPLICIT.item()))),
        Reason.TOO_LARGE,
    ),
    "empty items, big endian": (
        lambda: BIG.file(BIG.sequence(SEQUENCE, copies(BIG.item()))),
        Reason.TOO_LARGE,
    ),
    "empty items of unknown type": (
        lambda: EXPLICIT.file(EXPLICIT.sequence(PRIVATE, copies(EXPLICIT.item()), vr="UN")),
        Reason.TOO_LARGE,
    ),
    "empty items in a length": (
        lambda: EXPLICIT.file(EXPLICIT.element(SEQUENCE, "SQ", copies(EXPLICIT.item()))),
        None,
    ),
    "items in the other order of bytes": (
        lambda: BIG.file(BIG.element(SEQUENCE, "SQ", copies(EXPLICIT.item()), length=UNDEFINED)),
        Reason.TOO_LARGE,
    ),
    "tiny elements": (
        lambda: EXPLICIT.file(copies(EXPLICIT.element(PRIVATE, "SH"))),
        Reason.TOO_LARGE,
    ),
    "tiny elements in an item": (
        lambda: EXPLICIT.file(
            EXPLICIT.sequence(SEQUENCE, EXPLICIT.open_item(copies(EXPLICIT.element(PRIVATE, "SH"))))
        ),
        Reason.TOO_LARGE,
    ),
    "100,000 sequences in each other": (
        lambda: EXPLICIT.file(nested(100_000)),
        Reason.CORRUPT,
    ),
    "text of separators": (
        lambda: IMPLICIT.file(IMPLICIT.element(VIEW_POSITION, "", copies(b"\\"))),
        Reason.TOO_LARGE,
    ),
    "an identifier of megabytes": (
        lambda: EXPLICIT.file(EXPLICIT.element(PATIENT_ID, "UT", copies(b"x"))),
        Reason.TOO_LARGE,
    ),
    "a value longer than the file": (
        lambda: EXPLICIT.file(EXPLICIT.element(PATIENT_ID, "UT", length=UNDEFINED - 1)),
        Reason.CORRUPT,
    ),
    "character sets, again and again": (
        lambda: EXPLICIT.file(copies(MANY_CHARACTER_SETS)),
        Reason.TOO_LARGE,
    ),
    "character sets in items": (
        lambda: EXPLICIT.file(
            EXPLICIT.sequence(
                SEQUENCE,
                copies(EXPLICIT.open_item(MANY_CHARACTER_SETS)),
            )
        ),
        None,
    ),
    "a table of empty items": (
        lambda: EXPLICIT.file(EXPLICIT.sequence(VOI_LUT, copies(EXPLICIT.item()))),
        Reason.TOO_LARGE,
    ),
    "a table of megabytes": (
        lambda: EXPLICIT.file(table(EXPLICIT.element(LUT_DATA, "OW", copies(b"\0\0")))),
        Reason.TOO_LARGE,
    ),
    "a table as text": (
        lambda: EXPLICIT.file(table(EXPLICIT.element(LUT_DATA, "UT", b"1\\" * 2**16))),
        Reason.TOO_LARGE,
    ),
    "a table longer than the file": (
        lambda: EXPLICIT.file(table(EXPLICIT.element(LUT_DATA, "OW", length=UNDEFINED - 1))),
        Reason.CORRUPT,
    ),
    "character sets in a table": (
        lambda: EXPLICIT.file(table(copies(MANY_CHARACTER_SETS))),
        Reason.TOO_LARGE,
    ),
    "elements of the file meta information": (
        lambda: after_meta(copies(EXPLICIT.element(META, "SH"))),
        Reason.TOO_LARGE,
    ),
    "a sequence in the file meta information": (
        lambda: after_meta(EXPLICIT.sequence(META, copies(EXPLICIT.item()))),
        Reason.CORRUPT,
    ),
    "elements of a command": (
        lambda: after_meta(copies(IMPLICIT.element(COMMAND, ""))),
        Reason.TOO_LARGE,
    ),
    "a sequence in a command": (
        lambda: after_meta(IMPLICIT.sequence(COMMAND, copies(IMPLICIT.item()))),
        Reason.CORRUPT,
    ),
    "zeros": (lambda: bytes(128) + b"DICM" + bytes(SIZE), Reason.CORRUPT),
    "empty fragments": (
        lambda: with_pixel_data(
            EXPLICIT.sequence(PIXEL_DATA, copies(EXPLICIT.item()), vr="OB"), JPEG2000Lossless
        ),
        Reason.TOO_LARGE,
    ),
    "millions of offsets": (
        lambda: with_pixel_data(
            EXPLICIT.sequence(PIXEL_DATA, EXPLICIT.item(copies(bytes(4))), vr="OB"),
            JPEG2000Lossless,
        ),
        Reason.MULTI_FRAME,
    ),
    "pixel data as a sequence": (
        lambda: with_pixel_data(
            EXPLICIT.sequence(PIXEL_DATA, copies(EXPLICIT.item())), JPEG2000Lossless
        ),
        Reason.CORRUPT,
    ),
}


def limit_memory(beyond: int) -> None:
    """Let this process take no more than this beyond what it takes now."""
    read_dicom(dicom_file(), zone=UTC)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + beyond
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def outcome(content: bytes) -> Reason | None:
    """Return why an image is refused, or None; other errors pass, such as a lack of memory."""
    try:
        read_dicom(content, zone=UTC)
    except RejectedImage as rejected:
        return rejected.reason
    return None


@pytest.fixture(scope="module")
def small_process() -> Iterator[DecodingHelpers]:
    with DecodingHelpers(1) as process:
        process.run(limit_memory, 3 * SIZE + MEMORY)
        yield process


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_takes_little_memory(small_process: DecodingHelpers, name: str) -> None:
    build, expected = HOSTILE[name]

    assert small_process.run(outcome, build()) == expected
