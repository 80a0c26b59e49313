"""What stands before a data set: films without preamble or file meta information, and deflated."""

import struct
import zlib
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from severity.dicom.file_start import MOST_INFLATED
from severity.domain import Reason, View
from tests.builders.encoded_images import dicom_file
from tests.builders.reading import read, reason

META_AT = 132
FILMS = Path(__file__).parents[4] / "shared/faults/films"


def data_set_at(content: bytes) -> int:
    """Return where the data set begins, behind the file meta information."""
    length = struct.unpack_from("<L", content, META_AT + 8)[0]
    return META_AT + 12 + int(length)


@pytest.mark.parametrize("lost", [128, META_AT])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless]
)
def test_a_film_without_a_preamble_is_the_same_film(syntax: str, lost: int) -> None:
    content = dicom_file(syntax=syntax)
    film, bare = read(content), read(content[lost:])

    assert bare.record == film.record
    assert_array_equal(bare.grey.values, film.grey.values)


def test_a_preamble_may_lack_what_shows_that_it_is_one() -> None:
    content = dicom_file()

    assert_array_equal(
        read(content[:128] + content[META_AT:]).grey.values, read(content).grey.values
    )


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_data_set_shows_how_it_is_encoded_where_its_file_does_not_say(syntax: str) -> None:
    content = dicom_file(syntax=syntax)
    at = content.index(b"\x02\x00\x10\x00UI")
    length = 8 + int.from_bytes(content[at + 6 : at + 8], "little")
    untold = content[:at] + content[at + length :]

    assert read(untold).record == read(content).record
    assert_array_equal(read(untold).grey.values, read(content).grey.values)


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_bare_data_set_shows_how_it_is_encoded(syntax: str) -> None:
    content = dicom_file(syntax=syntax)
    film, bare = read(content), read(content[data_set_at(content) :])

    assert bare.record == film.record
    assert_array_equal(bare.grey.values, film.grey.values)


def test_a_bare_data_set_of_compressed_pixels_does_not_say_which_codec_it_needs() -> None:
    content = dicom_file(syntax=JPEG2000Lossless)

    assert reason(content[data_set_at(content) :]) == Reason.CORRUPT


@pytest.mark.parametrize(
    "content",
    [
        bytes(1000),
        b"\x08\x00\x05\x00" + b"text that begins as a data set does" * 30,
        b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100" + bytes(1000),
        b"\x08\x00\x60\x00CS\x02\x00CR" * 50,
        b"\x28\x00\x10\x00US\x02\x00\x00\x01" * 50,
    ],
)
def test_what_only_begins_as_a_data_set_is_no_image(content: bytes) -> None:
    assert reason(content) == Reason.NOT_AN_IMAGE


@pytest.mark.skipif(not FILMS.is_dir(), reason="no ../shared/faults: the real film is not here")
def test_a_real_chest_film_from_before_dicom_is_read() -> None:
    """It has neither preamble nor meta information, no patient's identifier, and ACR-NEMA dates."""
    content = (FILMS / "chest-cr-without-preamble.dcm").read_bytes()
    assert reason(content) == Reason.NO_PATIENT
    identifier = b"\x10\x00\x20\x00" + struct.pack("<L", 4) + b"0042"
    group = content.index(b"\x10\x00\x00\x00\x04\x00\x00\x00") + 12

    film = read(content[:group] + identifier + content[group:])

    assert film.record.view == View.PA
    assert (film.grey.rows, film.grey.columns) == (440, 440)


def test_a_deflated_film_is_the_same_film() -> None:
    film, deflated = read(dicom_file()), read(dicom_file(syntax=DeflatedExplicitVRLittleEndian))

    assert deflated.record == film.record
    assert_array_equal(deflated.grey.values, film.grey.values)


def deflated(data_set: bytes) -> bytes:
    content = dicom_file(syntax=DeflatedExplicitVRLittleEndian)
    compressing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return content[: data_set_at(content)] + compressing.compress(data_set) + compressing.flush()


def test_a_deflated_film_that_inflates_without_end_is_refused() -> None:
    assert reason(deflated(bytes(MOST_INFLATED))) == Reason.TOO_LARGE


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_deflated_film_that_was_cut_off_is_corrupt(share: float) -> None:
    content = dicom_file(syntax=DeflatedExplicitVRLittleEndian)
    start = data_set_at(content)

    assert reason(content[: start + int(share * (len(content) - start))]) == Reason.CORRUPT


def test_a_deflated_film_of_other_bytes_is_corrupt() -> None:
    content = dicom_file(syntax=DeflatedExplicitVRLittleEndian)

    assert reason(content[: data_set_at(content)] + b"\xff" * 1000) == Reason.CORRUPT


@pytest.mark.parametrize("padding", [1, 2, 64, 4096])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless]
)
def test_zeros_behind_a_file_change_nothing(syntax: str, padding: int) -> None:
    content = dicom_file(syntax=syntax)

    assert_array_equal(read(content + bytes(padding)).grey.values, read(content).grey.values)
