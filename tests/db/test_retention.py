"""What is deleted because it is old, and what is never deleted so."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from db.errors import Cause, DatabaseError
from db.lookups import record
from db.reading.site import balances
from db.retention import delete_gone_places, delete_lookups
from tests.builders.archive import Archive, Film

YEAR = timedelta(days=365)


@pytest.fixture
def archive(database):
    archive = Archive(database)
    archive.add(Film("a"), Film("b"))
    return archive


def write(archive, statement):
    with archive.database.transaction() as session:
        session.execute(text(statement))


def grow_old(archive):
    """Let all lookups be two years older, which nobody may but so."""
    write(archive, "ALTER TABLE lookup DISABLE TRIGGER never_updated")
    write(archive, "UPDATE lookup SET at = at - interval '2 years'")


def test_old_lookups_go_in_portions_and_leave_a_line_that_says_how_many(archive):
    for _ in range(3):
        archive.do(record, "dr.roe", "p-1", page="patient")
    grow_old(archive)
    archive.do(record, "dr.doe", "p-1", page="patient")

    portions = [archive.do(delete_lookups, YEAR, limit=2) for _ in range(3)]

    assert portions == [2, 1, 0]
    assert archive.rows("SELECT who FROM lookup") == [("dr.doe",)]
    assert archive.rows("SELECT what, after ->> 'lookups' FROM correction ORDER BY id") == [
        ("lookups expired", "2"),
        ("lookups expired", "1"),
    ]


@pytest.mark.parametrize("age", [timedelta(days=364), "-1200 months 36365 days", None])
def test_nobody_deletes_the_lookups_of_the_last_year(archive, age):
    """By no age at all, nor by one that counts as a year and ends in the future."""
    archive.do(record, "dr.roe", "p-1", page="patient")

    with pytest.raises(DatabaseError) as refused:
        archive.do(delete_lookups, age, limit=2)

    assert refused.value.cause is Cause.PRIVILEGE
    assert archive.rows("SELECT count(*) FROM lookup") == [(1,)]


def test_of_a_file_that_is_long_gone_the_name_goes_and_the_score_stays(archive):
    write(archive, "UPDATE sighting SET gone_at = now() - interval '2 years' WHERE object_id = 1")
    write(archive, "UPDATE sighting SET gone_at = now() WHERE object_id = 2")

    assert archive.do(delete_gone_places, YEAR, limit=10) == 1

    assert archive.rows("SELECT object_id FROM sighting") == [(2,)]
    assert archive.do(balances.verify) == []
    assert archive.add(Film("a")) == []  # it came back, and is not scored again
    assert archive.rows("SELECT count(*) FROM score") == [(2,)]
    assert archive.rows("SELECT count(*) FROM sighting WHERE gone_at IS NULL") == [(1,)]
