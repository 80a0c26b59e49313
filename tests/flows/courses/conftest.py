"""An archive whose model version has parameters."""

import pytest

from db.corrections import Author
from db.engine import Database
from tests.builders.archive import Archive
from tests.builders.courses import adopt


@pytest.fixture
def author() -> Author:
    return Author("dr.roe", "it was wrong")


@pytest.fixture
def archive(database: Database) -> Archive:
    archive = Archive(database)
    adopt(archive)
    return archive
