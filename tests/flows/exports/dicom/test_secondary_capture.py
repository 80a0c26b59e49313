"""The page of a course, as an archive takes it and a viewer shows it."""

from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from flows.exports.dicom.composite_context import of_pseudonym
from flows.exports.dicom.instance import as_file
from flows.exports.dicom.secondary_capture import secondary_capture
from flows.reports.courses.chart import course_figure
from severity.domain import RESEARCH_USE_ONLY, Reason
from tests.builders.dicom_films import REPORTING, film_uid, of_file
from tests.builders.dicom_validators import complaints_of_dciodvfy, complaints_of_dicom_validator
from tests.builders.patient_courses import course, image
from tests.builders.reading import reason

COURSE = course(image(0), image(2, 5.0), patient_key="p-1a2b3c4d5e6f7a8b9c0d")
AT = datetime(2020, 4, 1, 23, 0, 5, tzinfo=UTC)
CONTEXTS = {
    "identified": of_file(PatientID="4711", IssuerOfPatientID="clinic"),
    "pseudonymous": of_pseudonym(COURSE.patient_key, "2.25.1", None),
}


@pytest.fixture(scope="module")
def pages():
    return {
        name: as_file(secondary_capture(COURSE, context, REPORTING, at=AT))
        for name, context in CONTEXTS.items()
    }


@pytest.mark.parametrize("context", CONTEXTS)
def test_validators_find_nothing_wrong(pages, tmp_path, context):
    (tmp_path / "page.dcm").write_bytes(pages[context])

    assert complaints_of_dicom_validator(dcmread(tmp_path / "page.dcm")) == []
    assert complaints_of_dciodvfy(tmp_path / "page.dcm") == []


def test_the_page_is_the_chart_in_the_study_of_the_film(pages):
    page = dcmread(BytesIO(pages["identified"]))

    picture = BytesIO()
    course_figure(course(*COURSE.images, patient_key="")).savefig(picture, dpi=150)
    with Image.open(picture) as chart:
        assert np.array_equal(page.pixel_array, np.asarray(chart.convert("RGB")))
    assert page.StudyInstanceUID == f"{film_uid('a')}.2"
    assert (page.PatientID, page.IssuerOfPatientID) == ("4711", "clinic")
    assert page.Modality == "OT"
    assert page.DateOfSecondaryCapture == "20200402", "in the site's zone"
    assert page.ImageComments == RESEARCH_USE_ONLY
    assert page.ContentQualification == "RESEARCH"


@pytest.mark.parametrize(("context", "names_patient"), [("identified", 0), ("pseudonymous", 1)])
def test_the_pixels_name_the_patient_only_where_it_is_a_pseudonym(pages, context, names_patient):
    page = dcmread(BytesIO(pages[context]))

    assert page.BurnedInAnnotation == ("NO", "YES")[names_patient]
    assert (COURSE.patient_key.encode() in pages[context]) == names_patient


def test_the_same_course_is_the_same_file_and_another_picture_is_another(pages):
    again = secondary_capture(COURSE, CONTEXTS["identified"], REPORTING, at=AT)

    assert as_file(again) == pages["identified"]
    assert dcmread(BytesIO(pages["pseudonymous"])).SOPInstanceUID != again.SOPInstanceUID


def test_the_page_is_never_taken_for_a_radiograph(pages):
    """An archive may send it back to the inbox that the film came from."""
    assert reason(pages["identified"]) is Reason.NOT_A_RADIOGRAPH
