"""An archive to correct, whose promises are checked when a test ends."""

from collections.abc import Iterator

import pytest

from db.corrections import Author
from db.engine import Database
from db.reading.site import balances
from tests.builders.archive import Archive

SCORES = "SELECT md5(string_agg(score::text, ',' ORDER BY image_id, model_version_id)) FROM score"


@pytest.fixture
def author() -> Author:
    return Author("dr.roe", "it was wrong")


@pytest.fixture
def archive(database: Database) -> Iterator[Archive]:
    archive = Archive(database)
    yield archive
    with database.transaction() as session:
        assert balances.verify(session) == []
        assert all(balance.holds for balance in balances.balances(session))
