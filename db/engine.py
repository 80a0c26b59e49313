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
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from db import schema
from db.errors import Cause, DatabaseError
from db.failures import failures, refused_connections

Transaction = Session
"""The session that functions of this package accept, for callers that import no SQLAlchemy."""

DRIVER = "postgresql+psycopg2"
_MIGRATIONS = Path(__file__).parent / "migrations"
_DEVELOPMENT = {"0001", "0002", "0003", "1", "2"}  # revisions from before the first release
_MIGRATION_LOCK_TIMEOUT = "5min"  # another program may be migrating
_UPGRADE_LOCK = 7_205_991_846_306_021_001  # an arbitrary constant of this project

TIMEOUTS = {
    "lock_timeout": "30s",
    "statement_timeout": "5min",
    # A program that hangs inside a transaction would hold its locks against all others.
    "idle_in_transaction_session_timeout": "5min",
}
"""How long a session waits, unless the site has set its own: by URL, role, database or server."""

# A lost network ends a connection within a minute or two, instead of the two hours of TCP.
_CONNECTION = {
    "application_name": "cxr-severity",
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 30,  # seconds
    "keepalives_interval": 10,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}

_NO_URL = (
    "DATABASE_URL is not a URL such as postgresql://user:password@host:5432/name; write / ? # @ : "
    "in a password as %2F %3F %23 %40 %3A"
)


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
        with self.connection() as connection, Session(connection) as session, session.begin():
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
            The schema is of a newer version of this program, or of one before the first release.
        """
        with self.connection() as connection, connection.begin():
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # a migration may be long
            connection.execute(text(f"SET LOCAL lock_timeout = '{_MIGRATION_LOCK_TIMEOUT}'"))
            # Two programs that start at once must not both migrate.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            check_revision(_revision(connection))
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            schema.renew(connection)
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
        check_revision(revision)
        if revision != head:
            raise DatabaseError(
                f"the database is at revision {revision or 'none'}, this program needs {head}: "
                "run `cxr-severity db upgrade`",
                cause=Cause.SCHEMA,
            )

    @contextmanager
    def connection(self) -> Iterator[sqlalchemy.Connection]:
        """Open a connection for migrations and for locks that outlive a transaction.

        Raises
        ------
        DatabaseError
            There is no connection, or it fails.
        """
        with failures(), self.connect() as connection:
            yield connection

    def connect(self) -> sqlalchemy.Connection:
        """Open a connection that the caller closes.

        Raises
        ------
        DatabaseError
            There is none.
        """
        with refused_connections():
            return self.engine.connect()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter of a port; both quote a piece of the password
        raise DatabaseError(_NO_URL) from None
    # The rest of a password with "@" or "/": whatever fails next would show it as the host.
    if "@" in f"{parsed.host}{parsed.database}":
        raise DatabaseError(_NO_URL)
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseError(f"DATABASE_URL names {parsed.get_backend_name()}, not postgresql")
    site = parsed.query
    engine = create_engine(
        # Where the URL names no driver, SQLAlchemy 2.1 would use psycopg 3.
        parsed.set(drivername=DRIVER),
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={name: value for name, value in _CONNECTION.items() if name not in site},
    )
    event.listen(engine, "connect", _limit_waiting)
    return engine


def _limit_waiting(connection: psycopg2.extensions.connection, _: object) -> None:
    """Set the time-outs of a session, except those that the site has set somewhere.

    By statement and not as the connection's options, which would overrule ``ALTER ROLE`` and
    the server's file, and which PgBouncer refuses.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(_SET_UNLESS_SET, {"name": list(TIMEOUTS), "value": list(TIMEOUTS.values())})


_SET_UNLESS_SET = """
    SELECT set_config(name, value, false)
    FROM unnest(%(name)s, %(value)s) AS ours (name, value) JOIN pg_settings USING (name)
    WHERE source = 'default'
"""


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: sqlalchemy.Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def check_revision(revision: str) -> None:
    """Refuse tables that no migration of this program leads on from."""
    known = {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}
    if revision and revision not in known:
        made_by = (
            "a development version of this program made it, before the first release: "
            "make a new database (for the embedded one, remove `postgres` from SEVERITY_HOME), "
            "and score the archive again"
            if revision in _DEVELOPMENT
            else "use the version of the program that made it"
        )
        raise DatabaseError(
            f"the database is at revision {revision}, which this program does not know: {made_by}",
            cause=Cause.SCHEMA,
        )
