"""Backups: the whole database in one file, written by pg_dump and read back by pg_restore.

The programs are those of the embedded PostgreSQL, and speak to servers from 17 to its own version.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg2.extensions import make_dsn
from sqlalchemy import URL, text

from db.embedded import client_program
from db.engine import Database, check_revision
from db.errors import Cause, DatabaseError

_LOCK_WAIT = "5min"  # a migration may be in progress
_OLDEST_SERVER = 17  # pg_restore sets `transaction_timeout`, which no older one knows


@dataclass(frozen=True)
class Backup:
    """A file that holds a database, and what must be known of it before it is restored."""

    file: Path
    revision: str
    secret_fingerprint: str
    """Of the pseudonym secret, which the file does not hold; empty if nothing was ever scored."""


def write_backup(database: Database, file: Path) -> Backup:
    """Write all that the database holds at this moment into a new file, which its owner may read.

    The file appears once it is whole, was read once and is on the disk. Runs go on meanwhile.

    Raises
    ------
    DatabaseError
        The file is there already, it cannot be written, or the database cannot be read.
    """
    _check_server(database)
    with _writing(file) as draft:
        options = ["--format=custom", f"--lock-wait-timeout={_LOCK_WAIT}", f"--file={draft}"]
        _run("pg_dump", *options, url=database.engine.url)
        backup = read_backup(draft)
    return replace(backup, file=file)


def read_backup(file: Path) -> Backup:
    """Return what a backup says of itself; no database is needed.

    Raises
    ------
    DatabaseError
        The file is no backup of a database of this program.
    """
    tables = ["--table=alembic_version", "--table=site"]
    content = _run("pg_restore", "--data-only", *tables, "--file=-", str(file))
    revision = _rows(content, "alembic_version")
    if not revision:
        raise DatabaseError(f"{file} is no backup of a database of this program")
    site = _rows(content, "site")
    return Backup(file, revision[0][0], site[0][1] if site else "")


def restore_backup(database: Database, backup: Backup) -> str:
    """Restore a backup into an empty database, whole or not at all; return the schema's revision.

    An older backup is migrated afterwards. Owners and rights are those of the new database.

    Raises
    ------
    DatabaseError
        The database is not empty, the backup is of a newer version of this program, or it is
        damaged.
    """
    check_revision(backup.revision)
    _check_server(database)
    _check_empty(database)
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run("pg_restore", *options, str(backup.file), url=database.engine.url)
    revision = database.upgrade()
    with database.transaction() as session:
        session.execute(text("ANALYZE"))  # statistics are not in the file
    return revision


def _check_server(database: Database) -> None:
    with database.transaction() as session:
        version = int(session.scalar(text("SHOW server_version_num")) or 0) // 10_000
    if version < _OLDEST_SERVER:
        raise DatabaseError(
            f"backups are restored into PostgreSQL {_OLDEST_SERVER} or newer, and this is "
            f"{version}: use its own pg_dump and pg_restore, then `cxr-severity db upgrade`"
        )


def _check_empty(database: Database) -> None:
    with database.transaction() as session:
        tables = session.scalar(text("SELECT count(*) FROM pg_stat_user_tables"))
    if tables:
        raise DatabaseError(
            f"the database holds {tables} tables already, and nothing is ever restored over them: "
            "name an empty database in DATABASE_URL, or move the folder `postgres` out of "
            "SEVERITY_HOME"
        )


@contextmanager
def _writing(file: Path) -> Iterator[Path]:
    """Yield where to write a file that appears under its name at the end, and over no other."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        _check_new(file)
        draft.touch(mode=0o600, exist_ok=False)
        yield draft
        _check_new(file)
        draft.rename(file)
        _sync(file.parent)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DatabaseError(f"{file} cannot be written: {reason}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _check_new(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise DatabaseError(f"{file} is there already, and a backup replaces no file")


def _sync(folder: Path) -> None:
    """Let the name of a new file last; pg_dump has done so for its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _run(name: str, *arguments: str, url: URL | None = None) -> str:
    """Run a program of PostgreSQL on the database at ``url``; return what it prints."""
    environment = dict(os.environ)
    if url is not None:
        # The list of processes shows the command line to all users. Without one in the URL it is
        # found where libpq looks for it, as for all other commands.
        if url.password:
            environment["PGPASSWORD"] = str(url.password)
        # As libpq reads it: a URL of SQLAlchemy's has blanks that libpq takes for plus signs.
        _, options = url.get_dialect()().create_connect_args(url.set(password=None))
        arguments = (*arguments, f"--dbname={make_dsn(**options)}")
    ended = subprocess.run(  # noqa: S603 - PostgreSQL's own
        [str(client_program(name)), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise _failure(name, ended.stderr)
    return ended.stdout


def _failure(name: str, stderr: str) -> DatabaseError:
    """Return the program's reason, without the values of rows that pg_restore quotes."""
    reason = next(iter(stderr.strip().splitlines()), "it gave no reason")
    undone = "written"
    if name == "pg_restore":
        reason, undone = reason.partition("ERROR:")[0], "restored"
    full = "No space left on device" in stderr
    return DatabaseError(
        f"{reason.strip(': ')}; nothing was {undone}",
        cause=Cause.DISK_FULL if full else Cause.SETTINGS,
    )


def _rows(content: str, table: str) -> list[list[str]]:
    """Return the rows of a table in what pg_restore prints."""
    block = re.search(rf"^COPY public\.{table} .*\n((?:.*\n)*?)\\\.$", content, re.MULTILINE)
    return [row.split("\t") for row in block[1].splitlines()] if block else []
