"""The rights of the database's roles after deploy/postgres/roles.sql and `db upgrade`."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from db import lookups, registration, retention, stage_times
from db.closing.outcomes import Rejected, Unreachable
from db.engine import Database
from db.errors import Cause, DatabaseError
from db.ledger import runs, sources
from db.ledger.claiming import Queue
from db.ledger.presence import start_run
from db.lookups import LookupFilter
from db.rekeying import renew_keys
from db.stage_times import StageTime
from flows.drift.watching import watch
from severity.domain import Device, Fate, Reason
from tests.builders.ledger import Steps
from tests.builders.postgres import execute
from tests.builders.scores import version

VIEWS = "SELECT viewname FROM pg_views WHERE schemaname = 'public' ORDER BY 1"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


def _value(database: Database, sql: str) -> object:
    with database.engine.connect() as connection:
        return connection.execute(text(sql)).scalar()


def _names(owner: Database, sql: str) -> list[str]:
    with owner.engine.connect() as connection:
        return list(connection.execute(text(sql)).scalars())


def _refuse(connection: Connection, statement: str) -> None:
    """Check that a statement is refused for want of a right; nothing of it stays."""
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner|never changed"),
        connection.begin(),
    ):
        connection.execute(text(statement))


def test_the_dashboards_role_reads_each_view(owner: Database, reader: Database) -> None:
    views = _names(owner, VIEWS)
    assert {"patient_trend", "balance", "source_balance", "model_versions"} <= set(views)
    for view in views:
        assert _value(reader, f"SELECT count(*) FROM {view}") is not None  # noqa: S608


def test_the_dashboards_role_reads_no_table_but_the_schemas_version(
    owner: Database, reader: Database
) -> None:
    tables = _names(owner, TABLES)
    assert {"score", "image", "object", "correction", "site"} <= set(tables)
    with reader.engine.connect() as connection:
        for table in tables:
            if table != "alembic_version":
                _refuse(connection, f"SELECT count(*) FROM {table}")  # noqa: S608
    reader.check_schema()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO patient (patient_key) VALUES ('p-three')",
        "UPDATE score SET opacity = 0",
        "DELETE FROM work",
        "TRUNCATE score",
        "DELETE FROM pseudonym_check",
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
        _refuse(connection, statement)
        connection.invalidate()


def test_the_dashboards_role_records_a_look_and_nothing_else(
    owner: Database, reader: Database
) -> None:
    with reader.transaction() as session:
        assert lookups.record(session, "dr.roe", "p-one", page="patient")
    with owner.transaction() as session:
        (lookup,) = lookups.lookups(session, LookupFilter(who="dr.roe"))
    assert (lookup.patient_key, lookup.login) == ("p-one", "severity_dashboard")
    with reader.engine.connect() as connection:
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"))
        connection.commit()
        for statement in ("SELECT who FROM lookup", "DELETE FROM lookup"):
            _refuse(connection, statement)
        connection.invalidate()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lookup SET who = 'nobody'",
        "DELETE FROM lookup",
        "UPDATE score SET opacity = 0",
        "UPDATE score SET opacity = 0 WHERE false",
        "DELETE FROM score",
        "TRUNCATE score CASCADE",
        "UPDATE score_output SET numbers = '{1}'",
        "DELETE FROM score_output",
        "UPDATE correction SET why = ''",
        "DELETE FROM correction",
        "UPDATE tally SET n = 0",
        "UPDATE model_version SET key = 'v3'",
        "UPDATE calibration SET content = '{}'",
        "UPDATE site SET pseudonym_check = 'another'",
        "DELETE FROM image",
        "DELETE FROM object",
        "DELETE FROM patient",
        "ALTER TABLE score DISABLE TRIGGER never_updated",
        "DROP TABLE score",
        "CREATE TABLE note (content text)",
        "CREATE OR REPLACE VIEW reasons AS SELECT 1",
    ],
)
def test_the_worker_can_change_no_score_and_no_history(scorer: Database, statement: str) -> None:
    with scorer.engine.connect() as connection:
        _refuse(connection, statement)


@pytest.fixture
def untouched(deployed_url: URL) -> Iterator[Database]:
    """Another database on that server, empty, as the worker reaches it."""
    superuser = deployed_url.render_as_string(hide_password=False)
    execute(superuser, "CREATE DATABASE untouched OWNER severity")
    url = deployed_url.set(database="untouched")
    owner = Database(url.set(username="severity").render_as_string(hide_password=False))
    owner.upgrade()
    owner.dispose()
    worker = Database(url.set(username="severity_scorer").render_as_string(hide_password=False))
    yield worker
    worker.dispose()
    execute(superuser, "DROP DATABASE untouched WITH (FORCE)")


def test_the_worker_does_all_that_a_run_does(untouched: Database) -> None:
    """Enlisting, claiming, closing, superseding, releasing, charting, retiring, on its rights."""
    scorer = untouched
    with scorer.transaction() as session:
        source = sources.register(session, "/elsewhere", zone="UTC").id
        row_id = registration.register_model(session, version())
        registration.check_pseudonyms(session, "fingerprint", first_use=True)
    steps = Steps(scorer, Queue(source, row_id)).wanting("/elsewhere", version())
    with start_run(scorer, steps.queue, software="test") as run:
        for content in ("half", "whole"):
            steps.show("a.dcm", content)
            image = {"patient": "p-of-run", "uid": "1.9", "pixels": content, "findings": {"a": 1.0}}
            image["device"] = Device("ACME", "X-1000", "ROOM1")
            assert steps.score(run, **image) == Fate.SCORED
        for key in ("b", "c"):
            steps.show(key, key)
        first, second = steps.claim(run)
        steps.close(
            run,
            Rejected(first.work_id, Reason.LATERAL, ""),
            Unreachable(second.work_id, second.object_key, ""),
        )
        steps.release()
        assert steps.balance().seen == 4
        assert watch(scorer, version().key) is not None
        with scorer.transaction() as session:
            sources.retire(session, source, model_version_id=row_id)
            runs.end_run(session, run.run_id, "finished")


def test_the_worker_adds_up_times_and_deletes_what_is_old(untouched: Database) -> None:
    """A place that is long gone; of lookups it may ask, and only for those of more than a year."""
    year = timedelta(days=365)
    with untouched.transaction() as session:
        source = sources.register(session, "/elsewhere", zone="UTC").id
        row_id = registration.register_model(session, version())
    steps = Steps(untouched, Queue(source, row_id)).wanting("/elsewhere", version())
    steps.show("a.dcm", "a")
    with untouched.transaction() as session:
        stage_times.add(session, steps.queue, {"read": StageTime(1, 0.5)})
        session.execute(text("UPDATE sighting SET gone_at = now() - interval '2 years'"))
    with untouched.transaction() as session:
        assert retention.delete_gone_places(session, year, limit=9) == 1
        assert retention.delete_lookups(session, year, limit=9) == 0
    with pytest.raises(DatabaseError) as refused, untouched.transaction() as session:
        renew_keys(session, b"1" * 32, b"2" * 32, who="worker")
    assert refused.value.cause is Cause.PRIVILEGE


def test_the_worker_cannot_migrate(scorer: Database) -> None:
    scorer.check_schema()
    with pytest.raises((DatabaseError, ProgrammingError)):
        scorer.upgrade()


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


def test_only_three_roles_may_connect(owner: Database) -> None:
    roles = """
        SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles
        WHERE rolcanlogin AND NOT rolsuper
            AND has_database_privilege(rolname, current_database(), 'CONNECT')
    """
    assert _value(owner, roles) == "severity severity_dashboard severity_scorer"
