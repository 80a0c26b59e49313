"""A person is erased everywhere, and others are left as they were."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from db import lookups
from db.corrections import (
    Forgotten,
    correct_time,
    correct_zone,
    dismiss,
    forget,
    merge,
    move,
    release,
    release_reason,
    restore,
    restore_time,
    split,
    undismiss,
    withdraw,
)
from db.errors import DatabaseError, RefusedCorrection
from db.events import (
    Event,
    EventKind,
    EventTime,
    PatientGroup,
    remove,
    store_events,
    store_groups,
)
from db.ledger import listings
from db.reading import trends
from severity.domain import Reason
from tests.builders.archive import Film, model

KEY, MAIDEN_KEY = "p-forgotten", "p-maiden"
FILM = Film("doe-jane", patient=KEY, uid="9.9.1")
EARLIER = Film("doe-jane-earlier", patient=MAIDEN_KEY, uid="9.9.2")
MOVED = Film("doe-jane-moved", patient="p-other", uid="9.9.3")
HALF = Film("doe-jane-half", patient=KEY, uid="9.9.4", key="doe-jane-whole.dcm")
WHOLE = Film("doe-jane-whole", patient=KEY, uid="9.9.4", key="doe-jane-whole.dcm")
LATERAL = Film("doe-jane-lateral", rejected=Reason.LATERAL)
OTHER = Film("roe-richard", patient="p-other", uid="8.8.1", extent=2)
OF_THE_PERSON = (
    "doe-jane",
    "9.9.",
    KEY,
    MAIDEN_KEY,
    "rare drug",
    "rare arm",
    "neighbour",
    "secret reason",
)


@pytest.fixture
def corrected(archive, author):
    """An archive in which the films of one person were merged, moved, superseded, corrected."""
    archive.add(FILM, EARLIER, MOVED, HALF, LATERAL, OTHER)
    archive.add(WHOLE)
    archive.do(merge, author, MAIDEN_KEY, KEY)
    archive.do(move, author, archive.image(MOVED), KEY)
    archive.do(correct_time, author, archive.image(FILM), datetime(2021, 1, 1, tzinfo=UTC))
    archive.do(withdraw, author, archive.image(EARLIER))
    archive.do(withdraw, author, archive.image(OTHER))
    archive.do(treat, author, MAIDEN_KEY)
    archive.do(lookups.record, "a curious neighbour", MAIDEN_KEY, page="patient")
    began = archive.do(listings.begin_whole, archive.source_id)
    archive.do(listings.reach, archive.source_id, WHOLE.object_key, began)
    archive.queue("v2")
    return archive


def treat(session, author, patient):
    """Give a patient an event, which is removed, and a group, which is changed."""
    start = EventTime(datetime(2020, 3, 5, tzinfo=UTC), is_date=True)
    event = Event(patient, EventKind.DRUG, "a rare drug", start, None, "UTC")
    store_events(session, "ward", [event])
    for arm in ("rare arm", "other arm"):
        store_groups(session, "ward", [PatientGroup(patient, "arm", arm)])
    remove(session, author, session.scalar(text("SELECT id FROM event")))


def everything(archive):
    """All that the database holds, as a dump would show it."""
    tables = archive.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        name: [row for (row,) in archive.rows(f"SELECT t::text FROM {name} AS t")]  # noqa: S608
        for (name,) in tables
    }


def test_nothing_of_the_person_is_left_but_files_that_are_not_scored_again(corrected, author):
    before = "".join(map(str, everything(corrected).values()))
    assert all(trace in before for trace in OF_THE_PERSON[:-1])

    forgotten = corrected.do(forget, author, MAIDEN_KEY, rejected=[corrected.object(LATERAL)])

    assert forgotten == Forgotten(patients=2, images=5, scores=5, objects=6)
    after = "".join(map(str, everything(corrected).values()))
    assert not [trace for trace in OF_THE_PERSON if trace in after]
    tombs = "SELECT reason, detail, image_id FROM object WHERE reason = 'forgotten'"
    assert corrected.rows(tombs) == [("forgotten", None, None)] * 6


def test_others_are_left_as_they_were(corrected, author):
    other = corrected.image(OTHER)
    score = corrected.rows("SELECT score::text FROM score WHERE image_id = :id", id=other)
    corrected.do(forget, author, KEY)

    assert corrected.rows("SELECT score::text FROM score") == score
    assert corrected.rows("SELECT patient_key FROM patient") == [("p-other",)]
    assert [row[0] for row in corrected.rows("SELECT what FROM correction ORDER BY id")] == [
        "image withdrawn",
        "patient forgotten",
    ]


def test_one_event_with_counts_is_left(corrected, author):
    corrected.do(forget, author, KEY)

    events = corrected.rows(
        "SELECT who, why, object_id, image_id, patient_id, before, after FROM correction"
        " WHERE what = 'patient forgotten'"
    )
    counts = {"patients": 2, "images": 5, "scores": 5, "objects": 5}
    assert events == [("dr.roe", "it was wrong", None, None, None, None, counts)]


def test_the_files_are_not_scored_again_while_they_lie_there(corrected, author):
    corrected.do(forget, author, KEY, rejected=[corrected.object(LATERAL)])

    closed = corrected.add(FILM, EARLIER, MOVED, WHOLE, LATERAL)
    corrected.score(by="v2")

    assert closed == []
    assert corrected.do(trends.trend, KEY, model().key).observations == ()
    assert corrected.rows("SELECT object_key FROM sighting WHERE object_key LIKE 'doe%'") == []
    with pytest.raises(RefusedCorrection):
        corrected.do(release, author, [corrected.object(FILM)])
    assert corrected.do(release_reason, author, Reason.FORGOTTEN) == []


def test_a_forgotten_file_that_is_described_anew_stays_forgotten(corrected, author):
    corrected.do(forget, author, KEY)

    assert corrected.add(replace(FILM, record="ab" * 32)) == []
    assert corrected.rows("SELECT count(*) FROM object WHERE state = 'received'") == [(0,)]


def test_a_patient_who_is_not_known_cannot_be_forgotten(corrected, author):
    with pytest.raises(RefusedCorrection, match="no patient p-nobody"):
        corrected.do(forget, author, "p-nobody")
    with pytest.raises(RefusedCorrection, match="not rejected"):
        corrected.do(forget, author, KEY, rejected=[corrected.object(OTHER)])
    assert corrected.rows("SELECT count(*) FROM patient") == [(3,)]


def as_worker(archive, change, *arguments):
    with archive.database.transaction() as session:
        session.execute(text("SET LOCAL ROLE severity_worker"))
        change(session, *arguments)


def test_a_worker_corrects_but_forgets_nobody(corrected, author):
    image, lateral = corrected.image(FILM), [corrected.object(LATERAL)]
    for correct, *arguments in (
        (withdraw, image),
        (restore, image),
        (move, image, "p-new"),
        (restore_time, image),
        (split, MAIDEN_KEY),
        (merge, MAIDEN_KEY, "p-new"),
        (correct_zone, corrected.source_id, "UTC", "Europe/Berlin"),
        (dismiss, lateral),
        (undismiss, lateral),
        (release, lateral),
    ):
        as_worker(corrected, correct, author, *arguments)

    with pytest.raises(DatabaseError):
        as_worker(corrected, forget, author, KEY)

    assert corrected.rows("SELECT count(*) FROM patient") == [(4,)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE correction SET why = 'another'",
        "DELETE FROM correction",
        "UPDATE score SET opacity = 0",
    ],
)
def test_even_the_owner_changes_neither_events_nor_scores(corrected, statement):
    before = everything(corrected)

    with pytest.raises(DatabaseError):
        corrected.rows(statement + " RETURNING 1")

    assert everything(corrected) == before


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO correction (who, why, what) VALUES ('a', 'b', 'c')", "DELETE FROM score"],
)
def test_a_worker_neither_invents_an_event_nor_erases_a_score(corrected, statement):
    with pytest.raises(DatabaseError):
        as_worker(corrected, lambda session: session.execute(text(statement)))
