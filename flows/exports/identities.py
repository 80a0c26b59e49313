"""Whose a film is, by the hospital's identifiers: read again in its source, never stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.exports.dicom.identifiers import Identifiers, Unidentified, identify
from flows.exports.observations import Subject
from flows.resources import Resources


@dataclass(frozen=True)
class FilmIdentities:
    """Reads films again in their sources. ``system`` is the URL of the patients' identifiers."""

    resources: Resources
    system: str = ""

    def of(self, image_ids: Sequence[int]) -> list[Subject | Unidentified]:
        """Return what each film says of its patient and study, or why it cannot be believed."""
        return [self._subject(read) for read in identify(self.resources, image_ids)]

    def _subject(self, read: Identifiers | Unidentified) -> Subject | Unidentified:
        if isinstance(read, Unidentified):
            return read
        said = read.attributes
        return Subject(
            read.patient.value,
            read.patient.issuer or self.resources.settings.issuer,
            self.system,
            said.get("StudyInstanceUID", ""),
            said.get("AccessionNumber", ""),
            said.get("PatientName", ""),
        )
