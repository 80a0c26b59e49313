from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import make_url, text

from db.engine import TIMEOUTS, Database
from db.errors import Cause, DatabaseError
from tests.builders.postgres import execute


def test_programs_that_start_at_once_migrate_once(database_url):
    databases = [Database(database_url), Database(database_url)]
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(Database.upgrade, databases)) == {"6"}
    for database in databases:
        database.check_schema()
        database.dispose()


def test_a_database_without_tables_is_refused_with_the_command_that_helps(database_url):
    empty = Database(database_url)
    with pytest.raises(DatabaseError, match="cxr-severity db upgrade"):
        empty.check_schema()
    empty.dispose()


@pytest.mark.parametrize("revision", ["9999", "0000"])
def test_a_database_of_another_program_is_left_as_it_is(database, revision):
    set_revision(database, revision)

    for use in (database.upgrade, database.check_schema):
        with pytest.raises(DatabaseError, match=f"revision {revision}.* use the version") as caught:
            use()
        assert caught.value.cause == Cause.SCHEMA


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
def test_a_database_from_before_the_first_release_is_left_as_it_is(database, revision):
    with database.connection() as connection:
        if connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0003":
            pytest.skip("the migrations from before the first release are not yet one")
    set_revision(database, revision)

    for use in (database.upgrade, database.check_schema):
        with pytest.raises(DatabaseError, match=r"development version.* make a new database"):
            use()


def set_revision(database, revision):
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "not a URL"),
        ("mysql://root@localhost/x", "mysql, not postgresql"),
    ],
)
def test_another_kind_of_database_is_refused(url, message):
    with pytest.raises(DatabaseError, match=message):
        Database(url)


def timeouts(url):
    database = Database(url)
    with database.transaction() as session:
        names = {name: session.scalar(text(f"SHOW {name}")) for name in TIMEOUTS}
    database.dispose()
    return names


def test_a_session_waits_no_longer_than_the_time_outs(server_url):
    assert timeouts(server_url) == TIMEOUTS


def test_the_time_outs_of_the_site_come_first(database_url):
    name = make_url(database_url).database
    execute(database_url, f"ALTER DATABASE {name} SET lock_timeout = '7s'")
    url = make_url(database_url).update_query_dict({"options": "-c statement_timeout=8s"})

    own = timeouts(url.render_as_string(hide_password=False))

    assert own == TIMEOUTS | {"lock_timeout": "7s", "statement_timeout": "8s"}


def test_a_rolled_back_transaction_keeps_the_time_outs(server_url):
    database = Database(server_url)
    with pytest.raises(DatabaseError), database.transaction() as session:
        session.execute(text("SELECT 1/0"))
    with database.transaction() as session:
        assert session.scalar(text("SHOW lock_timeout")) == TIMEOUTS["lock_timeout"]
    database.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@host:port/severity",
        "postgresql://me:half@hidden@host/severity",
        "postgresql://me:half@hidden/rest@host/severity",
        "postgresql://me:half@1:hidden@host/severity",
    ],
)
def test_a_url_that_is_none_is_refused_without_a_piece_of_its_password(url):
    with pytest.raises(DatabaseError, match="DATABASE_URL") as refused:
        Database(url)

    assert "hidden" not in str(refused.value)
    assert "half" not in str(refused.value)


def test_a_password_may_hold_any_sign_that_is_escaped():
    database = Database("postgresql://me:a%40b%2Fc@host/severity")

    url = database.engine.url
    assert (url.password, url.host) == ("a@b/c", "host")
