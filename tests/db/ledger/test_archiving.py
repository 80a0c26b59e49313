"""Places of a source become places of its archive, if what was scored still lies there."""

from collections.abc import Sequence

import pytest

from db.engine import Database
from db.ledger import archiving, sources
from db.ledger.archiving import ArchivedPlace
from db.reading.site import balances
from tests.builders.archive import Archive, Film

PLACES = """
    SELECT location, object_key, object_id FROM sighting JOIN source ON source.id = source_id
    WHERE gone_at IS NULL ORDER BY 1, 2
"""
EARLIER, LATER = Film("earlier", key="k.dcm"), Film("later", key="k.dcm")


@pytest.fixture
def inbox(database: Database) -> Archive:
    return Archive(database)


def in_archive(inbox: Archive) -> Sequence[ArchivedPlace]:
    """What a run puts into the archive, before the ledger knows of it."""
    scored = inbox.do(archiving.scored_places, inbox.source_id, after=archiving.FIRST, limit=9)
    return [ArchivedPlace(entry, entry.place.object_key) for entry in scored]


def move(inbox: Archive, places: Sequence[ArchivedPlace]) -> object:
    archive_id = inbox.do(sources.register_archive, inbox.source_id, "/done")
    moved = inbox.do(archiving.move, inbox.source_id, archive_id, places)
    assert inbox.do(balances.verify) == []
    return moved


def test_a_place_where_another_file_was_seen_meanwhile_stays(inbox):
    inbox.add(EARLIER)
    places = in_archive(inbox)
    inbox.enlist(LATER)

    assert move(inbox, places) == []

    assert inbox.rows(PLACES) == [("/inbox", "k.dcm", inbox.object(LATER))]


def test_what_is_in_the_archive_already_is_moved_once_more(inbox):
    inbox.add(EARLIER)
    places = in_archive(inbox)
    assert move(inbox, places) == places
    inbox.enlist(EARLIER)  # a run was killed before it removed the file

    again = in_archive(inbox)

    assert move(inbox, again) == again
    assert inbox.rows(PLACES) == [("/done", "k.dcm", inbox.object(EARLIER))]


def test_a_file_takes_the_key_of_another_that_was_cleared_from_the_archive(inbox):
    inbox.add(EARLIER)
    move(inbox, in_archive(inbox))
    inbox.add(LATER)
    places = in_archive(inbox)

    assert move(inbox, places) == places

    assert inbox.rows(PLACES) == [("/done", "k.dcm", inbox.object(LATER))]
