"""Sources and their archives: which model versions shall score what lies there."""

from dataclasses import replace

import pytest

from db.engine import Database
from db.ledger import sources, waiting
from tests.builders.archive import Archive, Film, model

FILM = Film("f")
WORK = """
    SELECT location, state FROM work JOIN source ON source.id = source_id
    JOIN model_version ON model_version.id = model_version_id WHERE key = :key
"""


@pytest.fixture
def ward(database: Database) -> Archive:
    """A source whose archive has a copy of a film that counts in another source."""
    archive = Archive(database)
    archive.add(FILM)
    ward = Archive(database, "/ward")
    ward.enlist(replace(FILM, key="copy.dcm"))
    ward.move_scored("/ward-done")
    return ward


def test_an_archived_copy_waits_for_a_version_that_is_wanted_later(ward):
    ward.queue("v2")

    assert ward.rows(WORK, key=model("v2").key) == [("/ward", "waiting")]


def test_what_is_called_back_waits_in_the_source_whose_archive_has_it(ward):
    ward.queue("v2")
    ward.rows("DELETE FROM work RETURNING id")  # as a withdrawal does that is undone

    ward.do(waiting.let_wait, [int(ward.rows("SELECT id FROM object")[0][0])])

    assert ward.rows(WORK, key=model("v2").key) == [("/ward", "waiting")]


def test_what_is_retired_in_a_source_waits_where_another_has_archived_it(ward):
    inbox = Archive(ward.database)
    queue = inbox.queue("v2")
    ward.queue("v2")

    inbox.do(sources.retire, inbox.source_id, model_version_id=queue.model_version_id)

    assert inbox.rows(WORK, key=model("v2").key) == [("/ward", "waiting")]
