"""What a DICOM file says of its patient, study and place among other files: all that identifies."""

from collections.abc import Mapping
from types import MappingProxyType

from pydicom.errors import InvalidDicomError

from severity.dicom.attributes import whole_text
from severity.dicom.file_start import as_dicom_file
from severity.dicom.needed_attributes import read_needed_attributes
from severity.domain import Reason
from severity.errors import BROKEN_FILE, UnreadableImage

DEMOGRAPHICS = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""What an archive may correct in a file that stays the same instance (PS3.4, B.4.1: coercion)."""

REFERENCE = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
"""What another file refers to a file by."""

IDENTIFYING = (*DEMOGRAPHICS, *REFERENCE)
"""Keywords of the attributes that are read."""


def read_identity(content: bytes) -> Mapping[str, str] | None:
    """Read what identifies a DICOM file: never to be stored, logged or shown.

    Parameters
    ----------
    content
        Any file.

    Returns
    -------
    The values by keyword, as text, empty where the file states none; None if it is no DICOM file.

    Raises
    ------
    UnreadableImage
        The file is broken.
    """
    file = as_dicom_file(content)
    if file is None:
        return None
    try:
        dataset = read_needed_attributes(file, also=IDENTIFYING)
        return MappingProxyType({key: whole_text(dataset, key) for key in IDENTIFYING})
    except (*BROKEN_FILE, InvalidDicomError) as error:
        raise UnreadableImage(Reason.CORRUPT, "the DICOM file is broken or cut off") from error
