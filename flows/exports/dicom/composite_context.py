"""Whose a DICOM file is, and of which study: as a film states it, or by pseudonym."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.valuerep import validate_value

from flows.exports.dicom.identifiers import Identifiers
from severity.dicom import REFERENCE

_MUST_BE_THERE = (  # empty where not known: type 2 of the Patient and General Study Modules
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
_SEXES = {"M", "F", "O"}


@dataclass(frozen=True)
class CompositeContext:
    """The patient and study that a new file belongs to, by DICOM keyword.

    The attributes are never shown. With ``refers_to_film`` they name the film too, by its UIDs and
    its SOP class; otherwise no other file is known in which these UIDs stand.
    """

    attributes: Mapping[str, str] = field(repr=False)
    refers_to_film: bool

    @property
    def study_uid(self) -> str:
        """The UID of the study."""
        return self.attributes["StudyInstanceUID"]

    def dataset(self) -> Dataset:
        """Return the attributes as a data set, in UTF-8 where ASCII does not suffice."""
        dataset = Dataset()
        if not all(value.isascii() for value in self.attributes.values()):
            dataset.SpecificCharacterSet = "ISO_IR 192"
        for keyword in _MUST_BE_THERE:
            setattr(dataset, keyword, "")
        for keyword, value in self.attributes.items():
            if value:
                setattr(dataset, keyword, value)
        return dataset


def of_film(identifiers: Identifiers) -> CompositeContext | None:
    """Return the patient and study of a film, without values that no standard allows.

    None if no other file can refer to it: it is not DICOM, or lacks a valid UID.
    """
    attributes = identifiers.attributes
    if not all(_valid(keyword, attributes.get(keyword, "")) for keyword in REFERENCE):
        return None
    kept = {keyword: _valid(keyword, value) for keyword, value in attributes.items()}
    kept["PatientID"] = attributes["PatientID"]  # whatever it is like, it is the patient's
    if kept["PatientSex"] not in _SEXES:
        kept["PatientSex"] = ""
    return CompositeContext(MappingProxyType(kept), refers_to_film=True)


def of_pseudonym(patient_key: str, study_uid: str, taken: date | None) -> CompositeContext:
    """Return a patient by pseudonym, and the study by a UID that is none of the hospital's.

    Parameters
    ----------
    study_uid
        Derived, with the site's secret.
    taken
        When the image was taken; None if not known.
    """
    attributes = {
        "PatientName": f"{patient_key}^",  # a family name alone
        "PatientID": patient_key,
        "StudyInstanceUID": study_uid,
        "StudyDate": f"{taken:%Y%m%d}" if taken else "",
    }
    return CompositeContext(MappingProxyType(attributes), refers_to_film=False)


def _valid(keyword: str, value: str) -> str:
    """Return a value as it is if the standard allows it, else nothing."""
    try:
        validate_value(dictionary_VR(keyword), value, config.RAISE)
    except ValueError:
        return ""
    return value
