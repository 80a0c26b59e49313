"""A source that is there: DICOM files in a folder, and the same films in the database."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows.resources import Resources
from severity.domain import PatientId
from tests.builders.archive import Film
from tests.builders.course_archive import CourseArchive
from tests.builders.dicom_films import film_file, film_uid


@dataclass(frozen=True)
class FilmFolder:
    """Films as files, accepted, scored and followed, by the pseudonyms of their patients."""

    folder: Path
    archive: CourseArchive
    resources: Resources

    def add(
        self,
        name: str,
        patient: str = "4711",
        *,
        extent: float = 3.0,
        flagged: bool = False,
        **attributes: str,
    ) -> int:
        """Write a film of a patient, taken on its study's date; return the image's id."""
        content = film_file(name, PatientID=patient, **attributes)
        (self.folder / f"{name}.dcm").write_bytes(content)
        day = attributes.get("StudyDate", "20200401")
        patient_id = PatientId(patient, attributes.get("IssuerOfPatientID", ""))
        film = Film(
            name,
            self.resources.pseudonym(patient_id),
            uid=film_uid(name),
            at=datetime.fromisoformat(f"{day}T12:30+00:00"),
            extent=extent,
            flagged=flagged,
            content=content,
        )
        self.archive.follow(film)
        return self.archive.image(film)

    def remove(self, name: str) -> None:
        """Let a file vanish."""
        (self.folder / f"{name}.dcm").unlink()
