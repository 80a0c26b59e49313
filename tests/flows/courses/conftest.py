"""An archive whose model version has parameters, and the courses that it should have."""

import pytest

from db.corrections import Author
from db.courses import parameters
from db.courses.parameters import StoredParameters
from db.engine import Database
from tests.builders.archive import Archive
from tests.severity.course.builders import SET


def adopt(archive: Archive, by: str = "v1", chosen=SET) -> None:
    stored = StoredParameters(
        chosen.sha256, chosen.origin, chosen.to_json(), chosen.patients, chosen.films
    )
    archive.do(parameters.adopt, archive.queue(by).model_version_id, stored)


@pytest.fixture
def author() -> Author:
    return Author("dr.roe", "it was wrong")


@pytest.fixture
def archive(database: Database) -> Archive:
    archive = Archive(database)
    adopt(archive)
    return archive
