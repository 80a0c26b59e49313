"""Connections, transactions and the schema's version."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from db.errors import DatabaseError

Transaction = Session
"""The session that functions of this package accept, for callers that import no SQLAlchemy."""

DRIVER = "postgresql+psycopg2"
DASHBOARD_ROLE = "severity_dashboard"
DASHBOARD_VIEWS = ("patient_trend", "balance", "model_versions")
_MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 7_205_991_846_306_021_001  # an arbitrary constant of this project


class Database:
    """One PostgreSQL database."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit at the end, roll back on any error.

        Raises
        ------
        DatabaseError
            The database refused a statement, or the connection was lost.
        """
        with _failures(), Session(self.engine) as session, session.begin():
            yield session

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def upgrade(self) -> str:
        """Create or migrate the tables and the dashboards' rights; safe to run at any time.

        Returns
        -------
        The revision that the schema now has.

        Raises
        ------
        DatabaseError
            The schema is of a newer version of this program.
        """
        with self.connection() as connection, connection.begin():
            # Two programs that start at once must not both migrate.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            config = _alembic()
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise DatabaseError(
                    f"the database is at revision {_revision(connection)}, which this program "
                    "does not know: use the version of the program that made it"
                ) from error
            _grant_dashboard(connection)
            return _revision(connection)

    def check_schema(self) -> None:
        """Refuse to work on tables of another version of this program.

        Raises
        ------
        DatabaseError
            The schema is absent, older or newer.
        """
        head = ScriptDirectory.from_config(_alembic()).get_current_head()
        with self.connection() as connection:
            revision = _revision(connection)
        if revision != head:
            raise DatabaseError(
                f"the database is at revision {revision or 'none'}, this program needs {head}: "
                "run `cxr-severity db upgrade`"
            )

    @contextmanager
    def connection(self) -> Iterator[sqlalchemy.Connection]:
        """Open a connection for migrations and for locks that outlive a transaction.

        Raises
        ------
        DatabaseError
            There is no connection, or it fails.
        """
        try:
            connection = self.engine.connect()
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise DatabaseError(f"no connection to PostgreSQL: {reason}") from error
        with _failures(), connection:
            yield connection


@contextmanager
def _failures() -> Iterator[None]:
    """Convert the errors of SQLAlchemy to `DatabaseError`."""
    try:
        yield
    except SQLAlchemyError as error:
        # By names alone: the error's own text holds the values of rows.
        names = " on ".join(filter(None, (type(error).__name__, _constraint(error))))
        raise DatabaseError(f"the database failed: {names}; nothing half-done was kept") from error


def _constraint(error: SQLAlchemyError) -> str | None:
    """Return the name of the constraint that refused a row, if one did."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    return cause.diag.constraint_name if isinstance(cause, psycopg2.Error) else None


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseError("DATABASE_URL is not a URL: postgresql://user@host/name") from error
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseError(f"DATABASE_URL names {parsed.get_backend_name()}, not postgresql")
    # Where the URL names no driver, SQLAlchemy 2.1 would use psycopg 3.
    return create_engine(
        parsed.set(drivername=DRIVER),
        pool_pre_ping=True,
        connect_args={"application_name": "cxr-severity", "connect_timeout": 10},
    )


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: sqlalchemy.Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _grant_dashboard(connection: sqlalchemy.Connection) -> None:
    """Let the dashboards' role, where a site made one, read the views and nothing else."""
    exists = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if connection.execute(exists, {"role": DASHBOARD_ROLE}).first() is None:
        return
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {DASHBOARD_ROLE}"))
    for view in DASHBOARD_VIEWS:
        connection.execute(text(f"GRANT SELECT ON {view} TO {DASHBOARD_ROLE}"))
