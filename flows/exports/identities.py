"""Whose a film is, by the hospital's identifiers: read again in its source, never stored."""

from dataclasses import dataclass

from flows.exports.dicom.identifiers import Unidentified, identify
from flows.exports.observations import Subject
from flows.resources import Resources


@dataclass(frozen=True)
class FilmIdentities:
    """Reads each film again in its source. ``system`` is the URL of the patients' identifiers."""

    resources: Resources
    system: str = ""

    def of(self, image_id: int) -> Subject | Unidentified:
        """Return what the film says of its patient and study, or why it cannot be believed."""
        (read,) = identify(self.resources, [image_id])
        if isinstance(read, Unidentified):
            return read
        said = read.attributes
        return Subject(
            read.patient.value,
            read.patient.issuer or self.resources.settings.issuer,
            self.system,
            said.get("StudyInstanceUID", ""),
            said.get("AccessionNumber", ""),
        )
