from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from db import embedded
from db.engine import Database
from db.errors import DatabaseError
from db.tables import Base


def test_the_migrations_make_the_tables_that_the_models_describe(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_programs_that_start_at_once_migrate_once(database_url):
    databases = [Database(database_url), Database(database_url)]
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(Database.upgrade, databases)) == {"0003"}
    for database in databases:
        database.check_schema()
        database.dispose()


def test_a_database_without_tables_is_refused_with_the_command_that_helps(database_url):
    empty = Database(database_url)
    with pytest.raises(DatabaseError, match="cxr-severity db upgrade"):
        empty.check_schema()
    empty.dispose()


def test_a_database_of_a_newer_program_is_left_as_it_is(database):
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseError, match="revision 9999, which this program does not know"):
        database.upgrade()


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


def test_an_absent_server_gives_one_clear_line():
    absent = Database("postgresql://nobody:hidden@127.0.0.1:1/none")
    with pytest.raises(DatabaseError, match="no connection to PostgreSQL") as caught:
        absent.check_schema()
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_embedded_server_has_a_lock_of_each_users_own(tmp_path, monkeypatch):
    """By default the package locks one file for all users: the first would shut out the others."""
    monkeypatch.setattr("db.embedded.os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    embedded._make_runtime_folder()  # noqa: SLF001 - what the server's package finds when it is imported

    assert (tmp_path / "python_PostgresServer").is_dir()
