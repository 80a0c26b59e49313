"""Storing events: what the schema refuses, and two imports at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from db.corrections import Author, begin, merge, split
from db.errors import Cause, DatabaseError
from db.events import (
    Event,
    EventKind,
    EventTime,
    PatientGroup,
    Stored,
    erase_responses,
    of_patient,
    remove,
    remove_group,
    restore_group,
    store_events,
    store_groups,
    unknown_patients,
)
from db.reading import patients
from tests.builders.archive import Archive, Film
from tests.builders.rows_read import rows_read

START = datetime(2020, 3, 5, 12, tzinfo=UTC)
EVENT = Event("p-1", EventKind.DRUG, "x", EventTime(START, is_date=False), None, "UTC")


@pytest.fixture
def archive(database):
    archive = Archive(database)
    archive.add(Film("one"), Film("other", patient="p-2"))
    return archive


def ending(hours: float, *, is_date: bool = False) -> Event:
    return replace(EVENT, end=EventTime(START + timedelta(hours=hours), is_date=is_date))


@pytest.mark.parametrize(
    "event",
    [
        ending(-1),
        ending(-26, is_date=True),
        replace(EVENT, label=""),
        replace(EVENT, label="x" * 201),
    ],
)
def test_the_schema_refuses_what_no_curve_could_show(archive, event):
    with pytest.raises(DatabaseError) as error:
        archive.do(store_events, "ward", [event])

    assert error.value.cause == Cause.CONSTRAINT


@pytest.mark.parametrize("event", [ending(0), ending(-12, is_date=True), ending(5)])
def test_an_event_may_end_when_it_starts_and_on_that_day(archive, event):
    assert archive.do(store_events, "ward", [event]) == Stored(new=1)
    assert archive.do(store_events, "ward", [event]) == Stored(unchanged=1)


def test_another_kind_label_start_or_source_is_another_event(archive):
    others = [
        EVENT,
        replace(EVENT, kind=EventKind.OTHER),
        replace(EVENT, label="y"),
        replace(EVENT, start=EventTime(START + timedelta(hours=1), is_date=False)),
        replace(EVENT, patient_key="p-2"),
    ]

    assert archive.do(store_events, "ward", others) == Stored(new=5)
    assert archive.do(store_events, "lab", others) == Stored(new=5)
    assert len(archive.do(of_patient, "p-1")) == 8


def test_only_unknown_patients_are_unknown(archive):
    assert archive.do(unknown_patients, ["p-1", "p-2", "p-3"]) == {"p-3"}


def test_a_worker_imports_updates_and_removes(archive):
    groups = [[PatientGroup("p-1", "arm", arm)] for arm in "AB"]
    author = Author("dr.roe", "another patient's")
    with archive.database.transaction() as session:
        session.execute(text("SET LOCAL ROLE severity_worker"))
        for event, group in zip((EVENT, ending(5)), groups, strict=True):
            store_events(session, "ward", [event])
            store_groups(session, "ward", group)
        (stored,) = of_patient(session, "p-1")
        remove(session, author, stored.event_id)
        erase_responses(session, 1, [1])

    (stored,) = archive.do(of_patient, "p-1")
    assert (stored.end, stored.is_removed) == ("2020-03-05T17:00:00Z", True)
    assert archive.do(patients.groups, "p-1") == {"arm": "B"}


def test_two_imports_at_once_wait_for_each_other_and_store_each_event_once(archive):
    events = [
        replace(EVENT, patient_key=patient, label=f"drug {number}")
        for number in range(200)
        for patient in ("p-1", "p-2")
    ]
    groups = [PatientGroup(patient, "arm", "A") for patient in ("p-1", "p-2")]
    start = Barrier(2)

    def imported(in_order: list[Event]) -> Stored:
        start.wait()
        archive.do(store_groups, "ward", groups)
        return archive.do(store_events, "ward", in_order)

    with ThreadPoolExecutor() as pool:
        both = list(pool.map(imported, [events, events[::-1]]))

    assert sum(stored.new for stored in both) == 400
    assert sum(stored.unchanged for stored in both) == 400
    assert archive.rows("SELECT count(*) FROM event") == [(400,)]
    assert archive.do(patients.groups, "p-1") == {"arm": "A"}


def test_a_midnight_may_become_a_date_alone_and_a_time_again(archive):
    midnight = START.replace(hour=0)
    date, time = (
        replace(EVENT, start=EventTime(midnight, is_date=is_date)) for is_date in (True, False)
    )
    assert archive.do(store_events, "ward", [time]) == Stored(new=1)

    def stored(event: Event) -> tuple[Stored, str]:
        with archive.database.transaction() as session:
            begin(session, Author("dr.roe", "imported"), "treatments imported")
            counts = store_events(session, "ward", [event])
        return counts, archive.do(of_patient, "p-1")[0].start

    assert stored(date) == (Stored(changed=1), "2020-03-05")
    assert stored(date) == (Stored(unchanged=1), "2020-03-05")
    assert stored(time) == (Stored(changed=1), "2020-03-05T00:00:00Z")
    recorded = archive.rows(
        "SELECT before ->> 'starts_is_date' FROM correction WHERE before ? 'starts_is_date'"
        " ORDER BY id"
    )
    assert recorded == [("false",), ("true",)]


def test_a_group_that_was_removed_stays_so_whoever_of_a_merged_person_is_imported(archive):
    author = Author("dr.roe", "never randomised")
    archive.do(store_groups, "ward", [PatientGroup("p-1", "arm", "A")])
    archive.do(merge, author, "p-2", "p-1")
    assert archive.do(remove_group, author, "p-1", "arm")

    stored = archive.do(store_groups, "ward", [PatientGroup("p-2", "arm", "A")])

    assert stored == Stored(removed=1)
    assert archive.as_reader(patients.groups, "p-1") == {}
    assert archive.do(restore_group, author, "p-1", "arm")
    assert archive.as_reader(patients.groups, "p-1") == {"arm": "A"}


def test_a_treatment_is_one_whichever_number_of_a_merged_person_a_file_states(archive):
    """A hospital that has merged two numbers exports all treatments under the one that is left."""
    author = Author("dr.roe", "one person")
    under_the_other = replace(ending(5), patient_key="p-2")
    archive.do(store_events, "ward", [EVENT])
    archive.do(merge, author, "p-1", "p-2")

    assert archive.do(store_events, "ward", [replace(EVENT, patient_key="p-2")]) == Stored(
        unchanged=1
    )
    assert archive.do(store_events, "ward", [under_the_other]) == Stored(changed=1)
    assert archive.do(store_events, "ward", [ending(5), under_the_other]) == Stored(unchanged=2)
    (event,) = archive.do(of_patient, "p-2")
    assert event.end == "2020-03-05T17:00:00Z"

    assert archive.do(remove, author, event.event_id)
    assert archive.do(store_events, "ward", [under_the_other]) == Stored(removed=1)
    assert [event.is_removed for event in archive.do(of_patient, "p-2")] == [True]

    archive.do(split, author, "p-1")
    assert archive.do(store_events, "ward", [under_the_other]) == Stored(new=1)


def test_an_import_reads_few_rows_also_before_a_table_was_analyzed(archive):
    """A night's first import of thousands would read all of a label, or of a group, for each."""
    archive.rows(
        "INSERT INTO patient (patient_key) SELECT 'p-x' || n FROM generate_series(1, 2000) AS n "
        "RETURNING 1"
    )
    keys = [f"p-x{number}" for number in range(1, 2001)]
    for first in range(0, 2000, 500):
        chosen = keys[first : first + 500]
        with archive.database.transaction() as session:
            store_events(session, "ward", [replace(EVENT, patient_key=key) for key in chosen])
            store_groups(session, "ward", [PatientGroup(key, "arm", "A") for key in chosen])
            for table in ("event", "patient_attribute"):
                assert rows_read(session, table) <= 10 * len(chosen)
