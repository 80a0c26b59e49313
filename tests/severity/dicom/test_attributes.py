"""Whose a film is, whatever its text holds."""

from severity.domain import PatientId, Reason
from tests.builders.film_files import dicom_film
from tests.builders.reading import read, reason


def test_padding_is_no_part_of_an_identifier() -> None:
    film = dicom_film(PatientID=" ROE-1  ", IssuerOfPatientID="City  ")

    assert read(film).record.patient == PatientId("ROE-1", "City")


def test_an_identifier_with_a_backslash_is_not_cut_there() -> None:
    """DICOM reads it as two values; the first alone would be many patients."""
    assert read(dicom_film(PatientID="ROE\\1")).record.patient.value == "ROE\\1"


def test_an_identifier_in_another_script_is_read() -> None:
    film = dicom_film(SpecificCharacterSet="ISO_IR 192", PatientID="Müller-1")

    assert read(film).record.patient.value == "Müller-1"


def test_an_identifier_that_cannot_be_decoded_is_nobody() -> None:
    film = dicom_film(SpecificCharacterSet="ISO_IR 192", PatientID="RxE-1").replace(
        b"RxE-1", b"R\xf6E-1"
    )

    assert reason(film) == Reason.NO_PATIENT
