"""A patient's course as one page that every archive shows: a DICOM secondary capture."""

from dataclasses import replace
from datetime import datetime
from io import BytesIO

import numpy as np
from highdicom.enum import ContentQualificationValues
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL import Image

from db.reading.courses import Course
from flows.exports.dicom.composite_context import CompositeContext
from flows.exports.dicom.instance import MANUFACTURER, Reporting, finish
from flows.reports.courses.chart import course_figure
from severity.dicom import DEMOGRAPHICS
from severity.domain import RESEARCH_USE_ONLY

SERIES_NUMBER = 9102
"""Beyond the numbers that scanners give."""

_DOTS_AN_INCH = 150


def secondary_capture(
    course: Course, context: CompositeContext, reporting: Reporting, *, at: datetime
) -> SCImage:
    """Return the page of a course, for the study of its latest film; the same for the same course.

    Where it carries the hospital's identifiers it shows no pseudonym, which whoever sees both could
    look up elsewhere: its viewer names the patient.

    Parameters
    ----------
    at
        When the latest score was computed.

    Raises
    ------
    ValueError
        There is no image in the course.
    """
    header, derive_uid = context.dataset(), reporting.derive_uid
    names_patient = not context.refers_to_film
    page = SCImage.from_ref_dataset(
        ref_dataset=header,
        pixel_array=_pixels(course if names_patient else replace(course, patient_key="")),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        series_instance_uid=derive_uid("course series", context.study_uid, course.model_version),
        series_number=SERIES_NUMBER,
        series_description=f"Course of severity. {RESEARCH_USE_ONLY}",
        sop_instance_uid=derive_uid("not known yet"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=reporting.model.name,
        software_versions=course.model_version,
        content_qualification=ContentQualificationValues.RESEARCH,
    )
    for keyword in DEMOGRAPHICS:
        if keyword in header:
            page[keyword] = header[keyword]
    # It shows no part of a patient, and must not name the chest: readers of captured radiographs,
    # ours among them, would take it for one.
    page.PatientOrientation, page.Laterality = [], ""
    page.ConversionType = "WSD"  # of a workstation
    page.ImageComments = RESEARCH_USE_ONLY
    # PS3.3, C.7.6.1: whether the pixels alone tell who the patient is, and when it was taken.
    page.BurnedInAnnotation = "YES" if names_patient else "NO"
    page.RecognizableVisualFeatures = "NO"
    finish(page, reporting, at=at)
    return page


def _pixels(course: Course) -> NDArray[np.uint8]:
    """Draw a course; shape (rows, columns, 3), RGB."""
    picture = BytesIO()
    course_figure(course).savefig(picture, dpi=_DOTS_AN_INCH)
    with Image.open(picture) as page:
        return np.asarray(page.convert("RGB"))
