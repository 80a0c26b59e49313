"""Who looked at whom is recorded by a role that can do nothing else."""

import pytest
from sqlalchemy import text

from db import lookups
from db.corrections import merge, split
from db.corrections.author import Author
from db.errors import DatabaseError
from db.lookups import LookupFilter, record
from db.reading.tables import act_as_reader, read_as_reader
from tests.builders.archive import Archive, Film

OURS, THEIRS = "p-ours", "p-theirs"


@pytest.fixture
def archive(database):
    archive = Archive(database)
    archive.add(Film("a", patient=OURS), Film("b", patient=THEIRS))
    return archive


def listed(archive, **chosen):
    found = archive.do(lookups.lookups, LookupFilter(**chosen))
    return [(lookup.patient_key, lookup.who, lookup.page) for lookup in found]


def test_a_lookup_says_who_saw_whom_on_which_page_and_by_which_login(archive):
    assert archive.do(record, "dr.roe", OURS, page="patient")

    (lookup,) = archive.do(lookups.lookups, LookupFilter())
    assert (lookup.patient_key, lookup.who, lookup.page) == (OURS, "dr.roe", "patient")
    assert archive.rows("SELECT session_user::text") == [(lookup.login,)]


def test_of_a_patient_who_does_not_exist_nothing_is_recorded(archive):
    assert not archive.do(record, "dr.roe", "p-nobody", page="patient")
    assert listed(archive) == []


def test_lookups_are_listed_by_person_with_all_merged_and_by_who_looked(archive):
    archive.do(record, "dr.roe", OURS, page="patient")
    archive.do(record, "dr.doe", THEIRS, page="films")
    archive.do(merge, Author("dr.roe", "one person"), OURS, THEIRS)

    assert listed(archive, patient_key=THEIRS) == [
        (THEIRS, "dr.doe", "films"),
        (OURS, "dr.roe", "patient"),
    ]
    assert listed(archive, who="dr.roe") == [(OURS, "dr.roe", "patient")]


@pytest.mark.parametrize("key", [OURS, THEIRS])
def test_a_look_at_a_merged_person_stays_with_each_patient_when_the_merge_is_undone(archive, key):
    """Whichever key the address named, the films of both were shown."""
    archive.do(merge, Author("dr.roe", "one person"), OURS, THEIRS)
    archive.do(record, "dr.roe", key, page="patient")
    archive.do(split, Author("dr.roe", "two persons"), OURS)

    for patient in (OURS, THEIRS):
        assert listed(archive, patient_key=patient) == [(patient, "dr.roe", "patient")]
    assert archive.rows("SELECT count(DISTINCT at) FROM lookup") == [(1,)]


def test_what_only_reads_can_still_record(archive):
    """The login of a dashboard reads only, by a setting of its role."""

    def as_dashboard(session):
        session.execute(text("SET TRANSACTION READ ONLY"))
        return record(session, "dr.roe", OURS, page="patient")

    assert archive.do(as_dashboard)
    assert len(listed(archive)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM lookup",
        "INSERT INTO lookup (patient_id, who, login, page) SELECT 1, 'a', 'b', 'c'",
        "DELETE FROM lookup",
    ],
)
def test_a_reader_neither_sees_nor_writes_the_record_itself(archive, statement):
    def as_reader(session):
        act_as_reader(session)
        session.execute(text(statement))

    with pytest.raises(DatabaseError):
        archive.do(as_reader)


def test_a_page_that_reads_cannot_record(archive):
    """Each request's own transaction is read-only; a lookup has one of its own."""

    def in_a_page(session):
        read_as_reader(session)
        session.execute(
            text("SELECT record_lookup('dr.roe', :patient, 'patient')"), {"patient": OURS}
        )

    with pytest.raises(DatabaseError):
        archive.do(in_a_page)


def test_a_temporary_table_takes_no_lookup(archive):
    def beside(session):
        session.execute(text("CREATE TEMPORARY TABLE lookup (LIKE lookup INCLUDING ALL)"))
        session.execute(
            text(
                "CREATE TEMPORARY TABLE patient AS"
                " SELECT -1 AS id, -1 AS person_id, 'p-x' AS patient_key"
            )
        )
        assert not record(session, "dr.roe", "p-x", page="patient")
        return record(session, "dr.roe", OURS, page="patient")

    assert archive.do(beside)
    assert listed(archive) == [(OURS, "dr.roe", "patient")]


@pytest.mark.parametrize("statement", ["UPDATE lookup SET who = 'nobody'", "DELETE FROM lookup"])
def test_even_the_owner_changes_no_lookup(archive, statement):
    archive.do(record, "dr.roe", OURS, page="patient")

    with pytest.raises(DatabaseError):
        archive.rows(f"{statement} RETURNING 1")

    assert len(listed(archive)) == 1


@pytest.mark.parametrize("page", ["/patients/p-ours?x=1", "12345", "", "Doe^Jane"])
def test_no_address_and_no_identifier_is_kept_as_a_page(archive, page):
    with pytest.raises(DatabaseError):
        archive.do(record, "dr.roe", OURS, page=page)
