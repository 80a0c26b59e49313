"""The presence of a run: how others detect that it is dead, without a clock or a heartbeat."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from threading import Lock

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import Database
from db.ledger.claiming import Queue


class RunKind(StrEnum):
    """What a run is for. Passes alone show whether a source is scored."""

    PASS = "pass"  # noqa: S105 - no password
    LOOK = "look"
    """Enlists what is new, and scores nothing."""

    RESCORE = "rescore"
    BACKFILL = "backfill"


class Presence:
    """Shows other runs that this one lives, while its process and its network do.

    It is an advisory lock of a connection, and PostgreSQL ends it with the connection: after
    ``kill -9`` at once, without a clock or a heartbeat.
    """

    def __init__(self, database: Database, run_id: int, connection: sqlalchemy.Connection) -> None:
        self.run_id = run_id
        self._database = database
        self._connection = connection
        self._turn = Lock()

    def renew(self) -> bool:
        """Check the connection, and take the lock again if it broke although the run lives.

        Until then others may have taken the run for dead: what they released is theirs.

        Returns
        -------
        Whether it had broken.

        Raises
        ------
        DatabaseError
            There is no new connection.
        """
        with self._turn:
            if self._is_held():
                return False
            self.end()
            self._connection = self._database.connect()
            _keep_open(self._connection)
            _lock_presence(self._connection, self.run_id)
            self._connection.execute(_RESUME, {"run": self.run_id})
            return True

    def _is_held(self) -> bool:
        # An invalidated connection would connect anew when it is used, and have no lock.
        if self._connection.closed or self._connection.invalidated:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except sqlalchemy.exc.DBAPIError:
            return False
        return True

    def end(self) -> None:
        """End the connection, and the lock with it: returned to the pool it would keep it."""
        if not self._connection.closed:
            self._connection.invalidate()
            self._connection.close()


@contextmanager
def start_run(
    database: Database, queue: Queue, *, software: str, kind: RunKind = RunKind.PASS
) -> Iterator[Presence]:
    """Record a run and hold its presence, until the context is left."""
    connection = database.connect()
    present: Presence | None = None
    try:
        values = {
            "source": queue.source_id,
            "model": queue.model_version_id,
            "software": software,
            "kind": kind,
        }
        # Nobody sees the run before its lock is held.
        with connection.begin():
            run_id: int = connection.execute(_START, values).scalar_one()
            _lock_presence(connection, run_id)
        present = Presence(database, run_id, connection)
        _keep_open(connection)
        yield present
    finally:
        present.end() if present else connection.close()


def _keep_open(connection: sqlalchemy.Connection) -> None:
    """Let no time-out end a connection that is idle for as long as the run lasts."""
    connection.execution_options(isolation_level="AUTOCOMMIT")
    connection.execute(text("SET idle_session_timeout = 0"))


def _lock_presence(connection: sqlalchemy.Connection, run_id: int) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:space, :run)"), _lock_of(run_id))


def _lock_of(run_id: int) -> dict[str, int]:
    return {"space": PRESENCE_LOCKS, "run": run_id}


def is_dead(session: Session, run_id: int) -> bool:
    """Return whether nothing holds the presence of a run; no other run takes it meanwhile."""
    return bool(session.scalar(_IS_FREE, _lock_of(run_id)))


PRESENCE_LOCKS = 7_205_991  # the first half of the advisory locks that are presences

_START = text(
    """
    INSERT INTO run (source_id, model_version_id, software, kind)
    VALUES (:source, :model, :software, CAST(:kind AS run_kind))
    RETURNING id
    """
)

_RESUME = text(
    "UPDATE run SET state = 'running', ended_at = NULL WHERE id = :run AND state = 'abandoned'"
)

_IS_FREE = text("SELECT pg_try_advisory_xact_lock(:space, :run)")
