"""The schema: made in an empty database, renewed in one that is used."""

import pytest
from sqlalchemy import text

from db.engine import Database
from db.errors import DatabaseError
from severity.domain import Zone
from tests.builders.scores import scored


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


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
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


_COLUMNS = """
    SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = 'score'::regclass AND attnum > 0 AND NOT attisdropped
"""
_CHECKS = """
    SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = 'score'::regclass ORDER BY conname
"""


def test_a_database_that_was_made_without_lungs_is_upgraded_and_keeps_its_scores(steps, running):
    database = steps.database
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        steps.close(run, scored(claimed.work_id, extent=3.5))
    new = [set(steps.query(_COLUMNS)), steps.query(_CHECKS)]
    with database.transaction() as session:
        # The columns of lungs, their checks and the views that show them were not there.
        session.execute(text("DROP VIEW patient_lungs, scored_image"))
        for name in ("right_extent", "right_opacity", *Zone):
            session.execute(text(f"ALTER TABLE score DROP COLUMN {name}"))
        session.execute(text("UPDATE alembic_version SET version_num = '2'"))
    with pytest.raises(DatabaseError, match="db upgrade"):
        database.check_schema()

    database.upgrade()

    database.check_schema()
    assert [set(steps.query(_COLUMNS)), steps.query(_CHECKS)] == new
    assert steps.query("SELECT geographic_extent, right_extent FROM score") == [(3.5, None)]
    assert steps.query("SELECT left_extent FROM scored_image") == [(None,)]
