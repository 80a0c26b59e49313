"""What makes a data set an instance that comes out the same each time: its times and its UID."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from io import BytesIO

from highdicom.base import SOPClass
from pydicom import Dataset, dcmwrite
from pydicom.uid import UID

from db.reading.model_versions import StoredVersion
from severity.dicom import DEMOGRAPHICS

MANUFACTURER = "cxr-severity"
"""Who makes the instances."""


@dataclass(frozen=True)
class Reporting:
    """What all instances of a model version share: itself, the maker of UIDs, the zone of times.

    ``derive_uid`` returns a UID for texts, always the same for the same ones.
    """

    model: StoredVersion
    derive_uid: Callable[..., str]
    zone: tzinfo


_TIMES = (
    ("InstanceCreationDate", "InstanceCreationTime"),
    ("ContentDate", "ContentTime"),
    ("DateOfSecondaryCapture", "TimeOfSecondaryCapture"),
)
_OF_NO_CONTENT = (
    *DEMOGRAPHICS,
    "SpecificCharacterSet",
    "SOPInstanceUID",
    # Who wrote the file, by the library's version: it would make another instance of the same.
    "ContributingEquipmentSequence",
)


def finish(dataset: SOPClass, reporting: Reporting, *, at: datetime) -> None:
    """Give an instance the time of its content, and the UID that follows from its content.

    The same scores of the same image always give the same instance, whatever the archive has
    corrected in the patient's name since. Another content is another instance.

    Parameters
    ----------
    at
        When its content came to be.
    """
    local = at.astimezone(reporting.zone)
    del dataset.ContributingEquipmentSequence
    for date, time in _TIMES:
        if date in dataset:
            setattr(dataset, date, f"{local:%Y%m%d}")
            setattr(dataset, time, f"{local:%H%M%S}")
    uid = UID(reporting.derive_uid("instance", content_sha256(dataset)))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid


def as_file(dataset: Dataset) -> bytes:
    """Return an instance as a DICOM file."""
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def content_sha256(dataset: Dataset) -> str:
    """Return the hash of an instance's content: all that makes it this instance and no other."""
    content = Dataset({element.tag: element for element in dataset})
    for keyword in _OF_NO_CONTENT:
        if keyword in content:
            delattr(content, keyword)
    file = BytesIO()
    dcmwrite(file, content, implicit_vr=False, little_endian=True)
    return hashlib.sha256(file.getvalue()).hexdigest()
