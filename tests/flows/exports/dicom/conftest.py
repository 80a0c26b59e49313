"""Films in a source that is there, and in the database by the pseudonym of their patient."""

from pathlib import Path

import pytest

from db.engine import Database
from flows.resources import Resources
from tests.builders.course_archive import CourseArchive
from tests.builders.film_folder import FilmFolder


@pytest.fixture
def archive(database: Database, tmp_path: Path) -> CourseArchive:
    (tmp_path / "inbox").mkdir()
    return CourseArchive(database, str(tmp_path / "inbox"))


@pytest.fixture
def films(archive: CourseArchive, resources: Resources) -> FilmFolder:
    return FilmFolder(Path(archive.location), archive, resources)
