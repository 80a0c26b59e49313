"""The border of the database: errors of SQLAlchemy and psycopg2 become a `DatabaseError`.

Their own texts hold statements with the values of rows, such as file names. They end here: the
`DatabaseError` has another text and no chain, and keeps the traceback, which holds code alone.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from db.errors import Cause, DatabaseError

_WHAT_TO_DO = {
    Cause.LOGIN: "PostgreSQL refuses the user or the password: correct DATABASE_URL",
    Cause.NO_DATABASE: "the database does not exist: create it, or correct DATABASE_URL",
    Cause.PRIVILEGE: "the database's user lacks a privilege: grant it, or log in as another user",
    Cause.CONNECTIONS: (
        "PostgreSQL has no connection left: end other programs, or raise max_connections"
    ),
    Cause.STOPPED: "PostgreSQL stopped or closed the connection: run again once it is up",
    Cause.READ_ONLY: (
        "the database is read-only (a standby, or default_transaction_read_only): "
        "name the primary in DATABASE_URL"
    ),
    Cause.DISK_FULL: "the disk of PostgreSQL is full: free some space, then run again",
    Cause.MEMORY: "PostgreSQL has no memory left: free some, then run again",
    Cause.DISK_ERROR: (
        "PostgreSQL cannot read or write its files: look at its log and its disk first"
    ),
    Cause.LOCKED: (
        "another session held a lock for longer than lock_timeout: find it in pg_stat_activity "
        "and pg_locks, then run again"
    ),
    Cause.TIMED_OUT: (
        "PostgreSQL cancelled a statement, as it does after statement_timeout: look at its load "
        "and at pg_stat_activity, then run again"
    ),
    Cause.CONFLICT: "two transactions were in each other's way: run again",
    Cause.SCHEMA: "the tables are not those of this program: run `cxr-severity db upgrade`",
}

# SQLSTATE, or its first two characters for a whole class: PostgreSQL, appendix A.
_CAUSES = {
    "28": Cause.LOGIN,
    "3D000": Cause.NO_DATABASE,
    "42501": Cause.PRIVILEGE,
    "53300": Cause.CONNECTIONS,
    "53100": Cause.DISK_FULL,
    "53200": Cause.MEMORY,
    "08": Cause.STOPPED,
    "57P": Cause.STOPPED,
    "25P03": Cause.STOPPED,
    "25P04": Cause.STOPPED,
    "57014": Cause.TIMED_OUT,
    "55P03": Cause.LOCKED,
    "25006": Cause.READ_ONLY,
    "40": Cause.CONFLICT,
    # Of class 22 what is in a value, not in the statement: out of range, no date, not Unicode, no
    # text of that type.
    "22003": Cause.VALUE,
    "22007": Cause.VALUE,
    "22008": Cause.VALUE,
    "22021": Cause.VALUE,
    "22P02": Cause.VALUE,
    "22P05": Cause.VALUE,
    "23": Cause.CONSTRAINT,
    "42P01": Cause.SCHEMA,
    "42703": Cause.SCHEMA,
    "58": Cause.DISK_ERROR,
    "XX001": Cause.DISK_ERROR,
    "XX002": Cause.DISK_ERROR,
}

# A refused connection has no SQLSTATE in psycopg2, only PostgreSQL's or libpq's words. Where
# they are in another language, the cause is UNREACHABLE, and the message still holds them.
_REFUSALS = (
    (re.compile(r"authentication failed|no password supplied|pg_hba\.conf"), Cause.LOGIN),
    (re.compile(r'role "[^"]*" (does not exist|is not permitted to log in)'), Cause.LOGIN),
    (re.compile(r'database "[^"]*" does not exist'), Cause.NO_DATABASE),
    (re.compile(r"permission denied for database"), Cause.PRIVILEGE),
    (re.compile(r"too many (clients|connections)|connection slots"), Cause.CONNECTIONS),
    (re.compile(r"No space left on device"), Cause.DISK_FULL),
)


@contextmanager
def failures() -> Iterator[None]:
    """Convert the errors of SQLAlchemy and psycopg2 to `DatabaseError`."""
    try:
        yield
    except (SQLAlchemyError, psycopg2.Error) as error:
        raise _explained(error).with_traceback(error.__traceback__) from None


@contextmanager
def refused_connections() -> Iterator[None]:
    """Convert the failure to connect to `DatabaseError`; its reason holds no value of a row."""
    try:
        yield
    except DBAPIError as error:
        raise _refusal(error).with_traceback(error.__traceback__) from None


def _explained(error: Exception) -> DatabaseError:
    original = error.orig if isinstance(error, DBAPIError) else error
    cause = _cause(error, original)
    if cause in _WHAT_TO_DO:
        return DatabaseError(f"{_WHAT_TO_DO[cause]}. Nothing half-done was kept.", cause=cause)
    names = " on ".join(filter(None, (type(original).__name__, _constraint(original))))
    return DatabaseError(
        f"the database refused what it was told: {names}. Nothing half-done was kept; this is a "
        "fault of the program: please report it",
        cause=cause,
    )


def _cause(error: Exception, original: BaseException | None) -> Cause:
    state = original.pgcode if isinstance(original, psycopg2.Error) else None
    if state is not None:
        known = (_CAUSES.get(state[:length]) for length in (5, 3, 2))
        return next(filter(None, known), Cause.STATEMENT)
    # Without a SQLSTATE the error is the client's own: it lost the connection.
    lost = isinstance(original, psycopg2.OperationalError | psycopg2.InterfaceError)
    disconnected = isinstance(error, DBAPIError) and error.connection_invalidated
    return Cause.STOPPED if lost or disconnected else Cause.STATEMENT


def _constraint(original: BaseException | None) -> str | None:
    """Return the name of the constraint that refused a row, if one did."""
    return original.diag.constraint_name if isinstance(original, psycopg2.Error) else None


def _refusal(error: DBAPIError) -> DatabaseError:
    reason = next(iter(str(error.orig).strip().splitlines()), type(error).__name__)
    for words, cause in _REFUSALS:
        if words.search(reason):
            advice = _WHAT_TO_DO[cause]
            return DatabaseError(f"{advice} ({reason})", cause=cause, summary=advice)
    return DatabaseError(
        f"no connection to PostgreSQL: {reason}. Run again once it is up, or correct DATABASE_URL",
        cause=Cause.UNREACHABLE,
        summary="no connection to PostgreSQL. Try again once it is up",
    )
