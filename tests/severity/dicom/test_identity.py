"""What identifies a DICOM file, whatever its encoding; and of what is none, nothing."""

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from severity.dicom.identity import IDENTIFYING, read_identity
from severity.errors import UnreadableImage
from tests.builders.encoded_images import dicom_file


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_name_is_read_as_written_in_every_encoding(syntax):
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    content = dicom_file(syntax=syntax, SpecificCharacterSet="ISO_IR 192", PatientName=name)

    identity = read_identity(content)

    assert identity is not None
    assert (identity["PatientName"], identity["PatientID"]) == (name, "ROE-1")


def test_what_a_file_does_not_state_is_empty():
    identity = read_identity(dicom_file())

    assert identity is not None
    assert set(identity) == set(IDENTIFYING)
    assert identity["AccessionNumber"] == ""


def test_another_file_has_no_identity_and_a_broken_one_is_unreadable():
    assert read_identity(b"\x89PNG\r\n\x1a\n") is None
    with pytest.raises(UnreadableImage):
        read_identity(dicom_file()[:200])
