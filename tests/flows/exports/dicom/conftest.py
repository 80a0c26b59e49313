"""Films in a source that is there, and in the database by the pseudonym of their patient."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from db.engine import Database
from flows.resources import Resources
from severity.domain import PatientId
from tests.builders.archive import Archive, Film
from tests.builders.dicom_films import film_file, film_uid

AddFilm = Callable[..., int]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def archive(database: Database, inbox: Path) -> Archive:
    return Archive(database, str(inbox))


@pytest.fixture
def add_film(archive: Archive, inbox: Path, resources: Resources) -> AddFilm:
    """Write a film of a patient into the source, as accepted and scored; return the image's id."""

    def add(name: str, patient: str = "4711", *, issuer: str = "", **attributes: object) -> int:
        content = film_file(name, PatientID=patient, IssuerOfPatientID=issuer, **attributes)
        (inbox / f"{name}.dcm").write_bytes(content)
        at = datetime.fromisoformat(f"{attributes.get('StudyDate', '20200401')}T12:30+00:00")
        key = resources.pseudonym(PatientId(patient, issuer))
        film = Film(name, key, uid=film_uid(name), at=at, content=content)
        archive.add(film)
        return archive.image(film)

    return add
