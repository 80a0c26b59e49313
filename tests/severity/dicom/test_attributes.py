"""Whose an image is, whatever its text holds."""

from datetime import UTC, datetime

import pytest
from pydicom.datadict import tag_for_keyword

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


def typed(value_type: str, **attributes: str) -> bytes:
    """A film whose sender writes attributes by another type than theirs."""
    elements = [
        (tag_for_keyword(keyword), value_type, text.encode() if value_type == "OB" else text)
        for keyword, text in attributes.items()
    ]
    return dicom_file(elements=elements)


@pytest.mark.parametrize("value_type", ["LO", "ST", "OB"])
def test_a_value_is_the_same_by_whatever_type_it_is_written(value_type: str) -> None:
    image = read(
        typed(
            value_type,
            PatientID="ROE-1",
            AcquisitionDate="20200402",
            WindowCenter="2048\\40",
            WindowWidth="1000\\400",
            VOILUTFunction="LINEAR_EXACT\\LINEAR",
        )
    )

    assert image.record.patient.value == "ROE-1"
    assert image.record.acquired.at == datetime(2020, 4, 2, tzinfo=UTC)
    assert (image.grey.black, image.grey.white) == (1548, 2548)


def test_bytes_that_are_no_text_are_nobody() -> None:
    image = typed("OB", PatientID="RxE-1").replace(b"RxE-1", b"R\xf6E-1")

    assert reason(image) == Reason.NO_PATIENT
