"""Films in a PACS, and the resources by which they are fetched from it."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from flows.resources import Resources
from tests.builders.dicom_films import film_file
from tests.builders.dicom_nodes import ORTHANC_USER, Orthanc


def today() -> date:
    return datetime.now(UTC).date()


def archived_film(name: str, *, days_ago: int = 0, **attributes: object) -> bytes:
    """A chest film of a study date, as a PACS has it."""
    day = f"{today() - timedelta(days_ago):%Y%m%d}"
    return film_file(name, **{"StudyDate": day, "PatientID": f"ROE-{name}"} | attributes)


@dataclass(frozen=True)
class Site:
    """A site that fetches from a PACS into a drop folder."""

    resources: Resources
    folder: Path

    @classmethod
    def of(cls, resources: Resources, folder: Path, **settings: object) -> "Site":
        folder.mkdir(exist_ok=True)
        chosen = {"pacs_folder": folder, "pacs_rate": 1000.0, **settings}
        changed = resources.settings.model_copy(update=chosen)
        return cls(replace(resources, settings=changed), folder)

    def having(self, **settings: object) -> "Site":
        """The same site with other settings."""
        changed = self.resources.settings.model_copy(update=settings)
        return replace(self, resources=replace(self.resources, settings=changed))

    @property
    def files(self) -> list[bytes]:
        return [file.read_bytes() for file in sorted(self.folder.glob("??/*.dcm"))]


def by_dicomweb(pacs: Orthanc) -> dict[str, object]:
    """The settings by which Orthanc is asked by DICOMweb."""
    name, password = ORTHANC_USER
    return {
        "pacs": pacs.dicomweb,
        "pacs_ca": pacs.certificate,
        "pacs_user": name,
        "pacs_password": SecretStr(password),
    }


def by_dimse(pacs: Orthanc) -> dict[str, object]:
    """The settings by which Orthanc is asked by C-FIND and C-GET."""
    return {"pacs": str(pacs.node)}
