"""Whose an image is, whatever its text holds."""

from severity.domain import PatientId, Reason
from tests.builders.encoded_images import dicom_file
from tests.builders.reading import read, reason


def test_padding_is_no_part_of_an_identifier() -> None:
    image = dicom_file(PatientID=" ROE-1  ", IssuerOfPatientID="City  ")

    assert read(image).record.patient == PatientId("ROE-1", "City")


def test_an_identifier_with_a_backslash_is_not_cut_there() -> None:
    """DICOM reads it as two values; the first alone would be many patients."""
    assert read(dicom_file(PatientID="ROE\\1")).record.patient.value == "ROE\\1"


def test_an_identifier_in_another_script_is_read() -> None:
    image = dicom_file(SpecificCharacterSet="ISO_IR 192", PatientID="Müller-1")

    assert read(image).record.patient.value == "Müller-1"


def test_an_identifier_that_cannot_be_decoded_is_nobody() -> None:
    image = dicom_file(SpecificCharacterSet="ISO_IR 192", PatientID="RxE-1").replace(
        b"RxE-1", b"R\xf6E-1"
    )

    assert reason(image) == Reason.NO_PATIENT
