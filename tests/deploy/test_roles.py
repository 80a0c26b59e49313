"""The rights of the database's roles after deploy/postgres/roles.sql and `db upgrade`."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from db.engine import DASHBOARD_ROLE, DASHBOARD_VIEWS, Database
from db.tables import Base


def _value(database: Database, sql: str) -> object:
    with database.engine.connect() as connection:
        return connection.execute(text(sql)).scalar()


def test_the_dashboards_role_reads_each_view(reader: Database) -> None:
    for view in DASHBOARD_VIEWS:
        assert _value(reader, f"SELECT count(*) FROM {view}")  # noqa: S608


@pytest.mark.parametrize("table", sorted([*Base.metadata.tables, "alembic_version"]))
def test_the_dashboards_role_reads_no_table(reader: Database, table: str) -> None:
    with pytest.raises(ProgrammingError, match=f"permission denied for table {table}"):
        _value(reader, f"SELECT count(*) FROM {table}")  # noqa: S608


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO patient (patient_key) VALUES ('p-three')",
        "UPDATE score SET opacity = 0",
        "DELETE FROM ledger",
        "TRUNCATE score",
        "DELETE FROM model_versions",
        "DROP VIEW patient_trend",
        "CREATE TABLE note (content text)",
        "CREATE TEMPORARY TABLE note (content text)",
        "CREATE SCHEMA notes",
    ],
)
def test_the_dashboards_role_cannot_write_even_if_it_switches_read_only_off(
    reader: Database, statement: str
) -> None:
    with reader.engine.connect() as connection:
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"))
        connection.commit()
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            connection.execute(text(statement))
        connection.invalidate()


def test_a_session_of_the_dashboards_role_is_read_only_and_short(reader: Database) -> None:
    assert _value(reader, "SHOW default_transaction_read_only") == "on"
    assert _value(reader, "SHOW statement_timeout") == "10s"


def test_a_careless_query_of_a_dashboard_ends_by_itself(reader: Database) -> None:
    with reader.engine.connect() as connection:
        # Shorter than the ten seconds of the role: the test is that the limit applies.
        connection.execute(text("SET LOCAL statement_timeout = '100ms'"))
        with pytest.raises(DBAPIError, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(10)"))


def test_the_owner_of_the_tables_is_not_a_superuser(owner: Database) -> None:
    assert _value(owner, "SHOW is_superuser") == "off"
    assert _value(owner, "SELECT current_user") == "severity"


def test_only_the_two_roles_may_connect(owner: Database) -> None:
    roles = """
        SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles
        WHERE rolcanlogin AND NOT rolsuper
            AND has_database_privilege(rolname, current_database(), 'CONNECT')
    """
    assert _value(owner, roles) == f"severity {DASHBOARD_ROLE}"
