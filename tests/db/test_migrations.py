"""The schema: made in an empty database, renewed in one that is used."""

import pytest
from sqlalchemy import text

from db import events
from db.corrections import Author
from db.engine import Database
from db.errors import DatabaseError
from db.reading import patients
from db.reading.site import balances
from tests.builders.scores import ENHANCED, scored


def test_the_views_are_renewed_by_each_upgrade(database):
    with database.transaction() as session:
        session.execute(text("DROP VIEW reasons"))
    database.upgrade()
    with database.transaction() as session:
        assert session.execute(text("SELECT * FROM reasons")).all() == []


def test_an_upgrade_keeps_what_a_site_made_of_the_views(database):
    with database.transaction() as session:
        session.execute(text("CREATE VIEW last AS SELECT max(scored_at) AS at FROM patient_trend"))
    database.upgrade()
    with database.transaction() as session:
        assert session.scalar(text("SELECT at FROM last")) is None


def test_an_upgrade_counts_what_was_scored_before_it_was_counted(steps, running):
    database = steps.database
    steps.enlist("a", "b")
    with running() as run:
        first, second = steps.claim(run, 2)
        steps.close(run, scored(first.work_id, processing_check=ENHANCED))
        with database.transaction() as session:
            session.execute(text("DELETE FROM tally WHERE what = 'unlike_processing'"))
            session.execute(text("DELETE FROM hour_count WHERE what = 'accepted'"))
            session.execute(text("UPDATE alembic_version SET version_num = '3'"))

        assert database.upgrade() == "6"
        steps.close(run, scored(second.work_id, uid="1.2", pixels="b", processing_check=ENHANCED))

    assert steps.query("SELECT scored, unlike_processing FROM balance") == [(2, 2)]
    assert steps.query("SELECT sum(accepted) FROM throughput") == [(2,)]
    with database.transaction() as session:
        assert balances.verify(session) == []


def test_an_upgrade_lets_groups_be_removed_that_were_imported_before(database):
    with database.transaction() as session:
        session.execute(text("ALTER TABLE patient_attribute DROP COLUMN is_removed CASCADE"))
        session.execute(text("INSERT INTO patient (patient_key) VALUES ('p-1')"))
        session.execute(
            text(
                "INSERT INTO patient_attribute (patient_id, name, value, source)"
                " SELECT id, 'arm', 'A', 'ward' FROM patient"
            )
        )
        session.execute(text("UPDATE alembic_version SET version_num = '5'"))

    assert database.upgrade() == "6"

    with database.transaction() as session:
        assert patients.groups(session, "p-1") == {"arm": "A"}
        assert events.remove_group(session, Author("dr.roe", "wrong"), "p-1", "arm")
        assert patients.groups(session, "p-1") == {}


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "1", "2"])
def test_a_database_of_a_version_before_the_first_release_gives_one_clear_line(
    database_url, revision
):
    old = Database(database_url)
    with old.transaction() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num text)"))
        session.execute(text("INSERT INTO alembic_version VALUES (:was)"), {"was": revision})
    for step in (old.upgrade, old.check_schema):
        with pytest.raises(DatabaseError, match=revision) as caught:
            step()
        assert "\n" not in str(caught.value)
    old.dispose()
