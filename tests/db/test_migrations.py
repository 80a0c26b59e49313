"""The schema: made in an empty database, renewed in one that is used."""

import pytest
from sqlalchemy import text

from db.engine import Database
from db.errors import DatabaseError


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
