"""Reading files of any kind."""

import tracemalloc
from datetime import UTC

import numpy as np
import pytest

from severity.domain import Reason
from severity.errors import ImageOutsideLimits, RejectedImage
from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord
from severity.images.limits import MOST_BYTES, check_bytes, check_size
from severity.images.radiograph import Radiograph
from severity.pseudonym import DerivedUids
from tests.builders.encoded_images import dicom_file, grey_image, jpeg_file, png_file

SOMEBODY = SidecarRecord(patient_id="2")


def read(content: bytes, sidecar: SidecarRecord | None = SOMEBODY) -> Radiograph:
    return read_radiograph(content, sidecar, uids=DerivedUids.unlinked(), zone=UTC)


def reason(content: bytes) -> Reason:
    with pytest.raises(RejectedImage) as rejected:
        read(content)
    return rejected.value.reason


def test_the_content_tells_what_a_file_is() -> None:
    pixels = grey_image(bits=8).astype(np.uint8)

    assert read(dicom_file()).grey.white == 4095
    assert read(png_file(pixels)).grey.white == 255
    assert read(jpeg_file(pixels)).grey.white == 255


def test_a_dicom_file_speaks_for_itself() -> None:
    sidecar = SidecarRecord(patient_id="other", view="L", acquired_at="1999-01-01")

    assert read(dicom_file(), sidecar).record == read(dicom_file(), None).record


@pytest.mark.parametrize(
    "content",
    [b"", b"DICM", b"GIF89a" + bytes(200), b"%PDF-1.7", b"filename,patient_id\n", bytes(1000)],
)
def test_what_is_no_image_is_refused(content: bytes) -> None:
    assert reason(content) == Reason.NOT_AN_IMAGE


def test_a_dicom_file_whose_preamble_is_another_image_is_dicom() -> None:
    """Such files are valid: PS3.10, 7.1 leaves the preamble to others."""
    content = b"\x89PNG\r\n\x1a\n".ljust(128, b"\0") + dicom_file()[128:]

    assert read(content).record.image_uid == "1.2.3.4.5"


def test_a_file_is_refused_for_its_length_alone() -> None:
    check_bytes(MOST_BYTES)
    with pytest.raises(ImageOutsideLimits) as rejected:
        check_bytes(MOST_BYTES + 1)
    assert rejected.value.reason == Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (100, 100, None),
        (8000, 8000, None),
        (6400, 10_000, None),
        (6400, 10_001, Reason.TOO_LARGE),
        (8001, 8000, Reason.TOO_LARGE),
        (99, 100, Reason.TOO_SMALL),
        (100, 99, Reason.TOO_SMALL),
        (-1, 100, Reason.TOO_SMALL),
        (50, 100_000, Reason.TOO_LARGE),
    ],
)
def test_the_limits_of_size_are_inclusive(rows: int, columns: int, expected: Reason | None) -> None:
    if expected is None:
        check_size(rows, columns)
    else:
        with pytest.raises(ImageOutsideLimits) as rejected:
            check_size(rows, columns)
        assert rejected.value.reason == expected


def test_an_image_for_which_the_memory_is_too_small_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("severity.dicom.reader.displayed_grey", no_memory)

    assert reason(dicom_file()) == Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("attributes", "most"),
    [
        ({}, 3),
        ({"RescaleSlope": "2", "WindowCenter": "2048.5", "WindowWidth": "2001"}, 5),
        ({"RescaleSlope": "2", "WindowCenter": "2048", "WindowWidth": "2000"}, 11),
        ({"VOILUTFunction": "SIGMOID", "WindowCenter": "2048", "WindowWidth": "2000"}, 16),
    ],
)
def test_reading_holds_no_more_than_a_few_copies_of_the_pixels(
    attributes: dict[str, str],
    most: int,
) -> None:
    side = 1000
    content = dicom_file(grey_image(shape=(side, side)), **attributes)
    tracemalloc.start()
    try:
        read(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < most * side**2  # bytes: two of the file's, two or four of each copy
