"""Requests of rescoring: which images wait for the other version, and what becomes of each."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from db import registration
from db.closing import scores
from db.corrections import images
from db.corrections.author import Author
from db.engine import Database
from db.ledger import claiming, runs, sightings, sources
from db.ledger.claiming import Queue
from db.ledger.presence import RunKind, start_run
from db.ledger.sightings import WholeListing
from db.reading.site import balances
from db.rescoring import enlisting, giving_way, progress, requests
from db.rescoring.progress import Rescoring
from db.rescoring.requests import Selection
from severity.domain import TimeSource
from tests.builders.archive import Archive, Film, model

MARCH = [Film(f"m{day}", at=datetime(2020, 3, day, 12, tzinfo=UTC)) for day in (1, 2, 3)]
SCORED_BY_V2 = """
    SELECT image_uid FROM score JOIN image ON image.id = image_id
    JOIN model_version ON model_version.id = model_version_id WHERE key = :key ORDER BY image_uid
"""


@pytest.fixture
def archive(database: Database) -> Archive:
    return Archive(database)


ALL = Selection()


def ask(archive: Archive, selection: Selection = ALL, by: str = "v2") -> int:
    """Request a selection and enlist all of it, two images at a time."""
    with archive.database.transaction() as session:
        row_id = registration.register_model(session, model(by))
        entered = requests.request(session, row_id, selection, who="anna")
    is_behind = True
    while is_behind:
        with archive.database.transaction() as session:
            is_behind = enlisting.enlist(session, entered.id, limit=2)
    return entered.id


def work(archive: Archive, by: str = "v2", limit: int = 99) -> None:
    """Score what waits for a version in the archive's source, wanted there or not."""
    with archive.database.transaction() as session:
        queue = Queue(archive.source_id, registration.register_model(session, model(by)))
    with start_run(archive.database, queue, software="test") as presence:
        with archive.database.transaction() as session:
            claims = claiming.claim(session, queue, presence.run_id, limit=limit)
        outcomes = [archive.films[claim.content_sha256].outcome(claim.work_id) for claim in claims]
        with archive.database.transaction() as session:
            scores.close(session, queue, presence.run_id, outcomes)
            runs.end_run(session, presence.run_id, "finished")


def told(archive: Archive, request_id: int) -> Rescoring:
    """What became of a request, once all counters are known to be right."""
    with archive.database.transaction() as session:
        assert balances.verify(session) == []
        return next(entry for entry in progress.rescorings(session) if entry.id == request_id)


def counts(entry: Rescoring) -> dict[str, int]:
    names = ("scored", "waiting", "gone", "failed", "dropped", "before")
    return {name: getattr(entry, name) for name in names if getattr(entry, name)}


def scored_by(archive: Archive, by: str = "v2") -> list[object]:
    return [uid for (uid,) in archive.rows(SCORED_BY_V2, key=model(by).key)]


def test_all_accepted_images_wait_once_and_none_that_comes_later(archive):
    archive.add(*MARCH)
    request = ask(archive)
    archive.add(Film("later"))

    assert counts(told(archive, request)) == {"waiting": 3}
    work(archive)

    assert counts(told(archive, request)) == {"scored": 3}
    assert told(archive, request).state == "done"
    assert scored_by(archive) == ["1.m1", "1.m2", "1.m3"]
    assert len(scored_by(archive, "v1")) == 4


def test_a_period_selects_days_of_acquisition_and_a_date_alone_is_its_own_day(archive):
    eastern = datetime(2020, 3, 1, 20, tzinfo=UTC)  # midnight of 2 March, four hours east
    archive.add(
        *MARCH,
        Film("d", at=eastern, time_source=TimeSource.STUDY_DATE, zone="Asia/Dubai"),
        Film("offset", at=datetime(2020, 3, 2, tzinfo=UTC), time_source=TimeSource.SIDECAR_OFFSET),
        Film("undated", at=None),
    )

    request = ask(archive, Selection(first_day=date(2020, 3, 2), last_day=date(2020, 3, 2)))
    work(archive)

    assert scored_by(archive) == ["1.d", "1.m2"]
    assert counts(told(archive, request)) == {"scored": 2}


def test_a_list_names_images_by_number_or_uid_and_what_it_does_not_know_is_counted(archive):
    archive.add(*MARCH)
    listed = [str(archive.image(MARCH[0])), "1.m3", "1.m3", "999999", "9.9"]
    with archive.database.transaction() as session:
        row_id = registration.register_model(session, model("v2"))
        entered = requests.request(session, row_id, Selection(images=listed), who="anna")
    with archive.database.transaction() as session:
        while enlisting.enlist(session, entered.id, limit=1):
            pass

    work(archive)

    assert entered.unknown == (3, 4)
    assert told(archive, entered.id).unknown == 2
    assert scored_by(archive) == ["1.m1", "1.m3"]
    assert archive.rows("SELECT count(*) FROM rescoring_image") == [(0,)]


def test_listed_images_that_count_in_no_trend_are_unknown(archive):
    archive.add(*MARCH)
    withdrawn = archive.image(MARCH[0])
    archive.do(images.withdraw, Author("anna", "wrong patient"), withdrawn)
    listed = [str(withdrawn), "1.m1", "1.m2"]

    with archive.database.transaction() as session:
        row_id = registration.register_model(session, model("v2"))
        entered = requests.request(session, row_id, Selection(images=listed), who="anna")

    assert entered.unknown == (0, 1)


def test_what_a_version_scored_before_or_another_request_wants_is_left_to_that(archive):
    archive.add(*MARCH)
    first = ask(archive, Selection(images=["1.m1"]))
    work(archive)
    second = ask(archive, Selection(images=["1.m2"]))
    third = ask(archive)
    work(archive)

    assert counts(told(archive, first)) == {"scored": 1}
    assert counts(told(archive, second)) == {"scored": 1}
    assert counts(told(archive, third)) == {"scored": 1, "before": 2}


def test_what_lies_nowhere_any_more_is_gone_and_waits_again_once_a_pass_saw_it(archive):
    archive.add(*MARCH)
    first, second, _ = (row[0] for row in archive.rows("SELECT id FROM sighting ORDER BY id"))
    with start_run(archive.database, archive.queue(), software="test") as presence:
        run = presence.run_id
        listed = WholeListing(present=[first, second])
        archive.do(sightings.mark_gone, archive.source_id, run, listed)
    request = ask(archive)
    work(archive)
    assert counts(told(archive, request)) == {"scored": 2, "gone": 1}

    archive.enlist(MARCH[2])
    archive.do(enlisting.call_back)

    assert counts(told(archive, request)) == {"scored": 2, "waiting": 1}
    work(archive)
    assert counts(told(archive, request)) == {"scored": 3}


def test_an_image_is_read_where_it_lies_although_that_source_wants_another_version(archive):
    archive.add(MARCH[0])
    elsewhere = Archive(archive.database, "/elsewhere")
    elsewhere.enlist(replace(MARCH[0], key="copy.dcm"))
    archive.rows("UPDATE sighting SET gone_at = now() WHERE source_id = :id RETURNING id",
                 id=archive.source_id)  # fmt: skip

    request = ask(archive)

    places = archive.do(requests.places, request)
    assert places == ["/elsewhere"]
    assert archive.do(requests.count_waiting, request, "/elsewhere") == 1


def test_a_cancelled_request_drops_what_waits_and_keeps_its_scores(archive):
    archive.add(*MARCH)
    request = ask(archive)
    work(archive, limit=1)

    assert archive.do(requests.cancel, request, who="bert")
    assert not archive.do(requests.cancel, request, who="bert")

    entry = told(archive, request)
    assert (entry.state, entry.cancelled_by, counts(entry)) == (
        "cancelled",
        "bert",
        {"scored": 1, "dropped": 2},
    )
    assert archive.do(requests.open_requests) == []
    assert len(scored_by(archive)) == 1


def test_cancelling_leaves_what_a_source_wants_scored(archive):
    archive.add(*MARCH)
    archive.queue("v2")
    request = ask(archive)
    assert counts(told(archive, request)) == {"waiting": 3}

    archive.do(requests.cancel, request, who="bert")

    assert counts(told(archive, request)) == {"dropped": 3}
    archive.score(by="v2")
    assert len(scored_by(archive)) == 3


def test_cancelling_leaves_what_another_request_wants_scored(archive):
    archive.add(*MARCH)
    first = ask(archive)
    listed = ask(archive, Selection(images=["1.m2"]))
    of_a_day = ask(archive, Selection(first_day=date(2020, 3, 2), last_day=date(2020, 3, 3)))
    work(archive, limit=1)

    archive.do(requests.cancel, first, who="bert")

    assert counts(told(archive, first)) == {"scored": 1, "dropped": 2}
    assert counts(told(archive, listed)) == {"waiting": 1}
    assert counts(told(archive, of_a_day)) == {"waiting": 1, "before": 1}
    work(archive)
    assert scored_by(archive) == ["1.m1", "1.m2", "1.m3"]
    assert [told(archive, request).state for request in (listed, of_a_day)] == ["done", "done"]
    ask(archive)
    assert archive.rows("SELECT count(*) FROM rescoring_image") == [(0,)]


def test_cancelling_leaves_what_the_source_of_a_copy_wants_scored(archive):
    archive.add(MARCH[0])
    elsewhere = Archive(archive.database, "/elsewhere")
    elsewhere.enlist(replace(MARCH[0], key="copy.dcm"))
    elsewhere.queue("v2")
    request = ask(archive)

    archive.do(requests.cancel, request, who="bert")
    elsewhere.films = archive.films
    elsewhere.score(by="v2")

    assert scored_by(archive) == ["1.m1"]


def test_retiring_a_version_leaves_what_a_person_asked_for(archive):
    archive.add(*MARCH)
    request = ask(archive, Selection(images=["1.m1"]))
    archive.queue("v2")

    archive.do(sources.retire_everywhere, model("v2").key)

    assert counts(told(archive, request)) == {"waiting": 1}
    assert archive.rows("SELECT count(*) FROM work") == [(1,)]


def test_an_image_that_is_withdrawn_meanwhile_is_dropped(archive):
    archive.add(*MARCH)
    request = ask(archive)

    archive.do(images.withdraw, Author("anna", "wrong patient"), archive.image(MARCH[0]))

    assert counts(told(archive, request)) == {"waiting": 2, "dropped": 1}


GIVEN_WAY_TO = {
    RunKind.PASS: True,
    RunKind.BACKFILL: True,
    RunKind.RESCORE: False,
    RunKind.LOOK: False,
}


def test_what_scores_new_images_is_given_way_to_and_nothing_else(archive):
    archive.enlist(Film("new"))
    assert not archive.do(giving_way.is_pass_at_work)  # it waits, and nobody scores it

    for kind, is_given_way_to in GIVEN_WAY_TO.items():
        with start_run(archive.database, archive.queue(), software="test", kind=kind) as presence:
            assert archive.do(giving_way.is_pass_at_work) is is_given_way_to, kind
            archive.do(runs.end_run, presence.run_id, "finished")


def test_a_file_that_was_moved_to_an_archive_is_read_through_its_source(archive):
    archive.add(MARCH[0])
    Archive(archive.database, "/archive").enlist(replace(MARCH[0], key="moved.dcm"))
    archive.rows(
        "UPDATE source SET archive_of_id = :id WHERE location = '/archive' RETURNING id",
        id=archive.source_id,
    )
    archive.rows(
        "UPDATE sighting SET gone_at = now() WHERE source_id = :id RETURNING id",
        id=archive.source_id,
    )

    request = ask(archive)

    assert archive.do(requests.places, request) == [archive.location]
