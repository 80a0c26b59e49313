"""What becomes of claimed objects that could not be read where they were seen."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from db import registration
from db.closing import scores
from db.closing.outcomes import Unreachable
from db.engine import Database
from db.ledger import archiving, claiming, runs, sources
from db.ledger.claiming import Claim, Queue
from db.ledger.presence import start_run
from db.rescoring import enlisting, requests
from db.rescoring.requests import Selection
from tests.builders.archive import Archive, Film, model

WORK = "SELECT state, coalesce(reason, ''), location FROM work JOIN source ON source.id = source_id"
FILM = Film("f")


@pytest.fixture
def archive(database: Database) -> Archive:
    return Archive(database)


def rescore(archive: Archive) -> None:
    """Let all images wait for the version v2, as a person asks for it."""
    with archive.database.transaction() as session:
        row_id = registration.register_model(session, model("v2"))
        request = requests.request(session, row_id, Selection(), who="anna")
    while archive.do(enlisting.enlist, request.id, limit=9):
        pass


def fail_to_read(source: Archive, meanwhile: Callable[[], None] = lambda: None) -> list[Claim]:
    """Claim what waits for v2 in a source, and close it as a run does that can read nothing."""
    with source.database.transaction() as session:
        queue = Queue(source.source_id, registration.register_model(session, model("v2")))
    with start_run(source.database, queue, software="test") as presence:
        claims = source.do(claiming.claim, queue, presence.run_id, limit=9)
        meanwhile()
        unreachable = [
            Unreachable(claim.work_id, claim.object_key, "", is_archived=claim.archive is not None)
            for claim in claims
        ]
        source.do(scores.close, queue, presence.run_id, unreachable)
        source.do(runs.end_run, presence.run_id, "finished")
    return claims


def test_an_archived_file_that_cannot_be_read_is_tried_once_by_each_rescoring(archive):
    archive.add(FILM)
    archive.move_scored("/done")
    rescore(archive)

    (claim,) = fail_to_read(archive)

    assert claim.archive == "/done"
    assert archive.rows(WORK) == [("failed", "vanished", "/inbox")]
    archive.do(enlisting.call_back)
    assert archive.rows(WORK) == [("waiting", "", "/inbox")]
    fail_to_read(archive)
    assert archive.rows(WORK) == [("failed", "vanished", "/inbox")]


def test_a_file_that_no_archive_and_no_source_can_read_has_been_tried_in_each(archive):
    archive.add(FILM)
    ward, hall = (Archive(archive.database, location) for location in ("/ward", "/hall"))
    for source in (ward, hall):
        source.enlist(replace(FILM, key="copy.dcm"))
    archive.move_scored("/done")
    ward.move_scored("/ward-done")
    rescore(archive)

    tried = [fail_to_read(source) for source in (archive, ward, hall, archive, ward, hall) * 2]

    assert archive.rows(WORK)[0][:2] == ("failed", "vanished")
    assert {claim.archive for claims in tried for claim in claims} == {"/done", "/ward-done", None}


def test_a_claim_whose_file_is_archived_meanwhile_waits_there(archive):
    archive.add(FILM)
    archive_id = archive.do(sources.register_archive, archive.source_id, "/done")
    places = archive.do(archiving.scored_places, archive.source_id, after=archiving.FIRST, limit=9)
    archive.queue("v2")

    def move() -> None:
        moved = [archiving.ArchivedPlace(entry, entry.place.object_key) for entry in places]
        archive.do(archiving.move, archive.source_id, archive_id, moved)

    fail_to_read(archive, meanwhile=move)

    assert archive.rows(WORK) == [("waiting", "", "/inbox")]
    (claim,) = fail_to_read(archive)
    assert claim.archive == "/done"
    assert archive.rows(WORK) == [("failed", "vanished", "/inbox")]
