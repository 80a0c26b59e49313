"""Model versions and runs, and how one run detects that another is dead."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Lock

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import Database
from db.errors import DatabaseError
from db.ledger.claiming import Queue
from db.ledger.lock import lock_ledger
from severity.domain import ModelVersion

MOST_CRASHES = 5
"""After so many deaths of its workers an object is given up: it seems to crash them. It was
claimed alone for the last of them."""


def check_pseudonyms(session: Session, fingerprint: str, *, first_use: bool) -> None:
    """Refuse a pseudonym secret other than the one that this database was first used with.

    Parameters
    ----------
    first_use
        Store the secret's fingerprint if there is none yet; else nothing is written.

    Raises
    ------
    DatabaseError
        The secret is another one; every patient would start anew under a second key.
    """
    if first_use:
        session.execute(_STORE_CHECK, {"fingerprint": fingerprint})
    stored = session.scalar(text("SELECT pseudonym_check FROM pseudonym_check"))
    if stored not in {None, fingerprint}:
        raise DatabaseError(
            "the pseudonym secret is not the one that this database was first used with: "
            "set SEVERITY_PSEUDONYM_KEY to that one"
        )


def register_model(session: Session, version: ModelVersion) -> int:
    """Return the id of a model version's row; the first call writes it, and none changes it."""
    scales = {
        "geographic_extent": asdict(version.geographic_extent),
        "opacity": asdict(version.opacity),
    }
    values = {
        "key": version.key,
        "name": version.name,
        "weights": version.weights_sha256,
        "head": version.head_sha256,
        "preprocessing": version.preprocessing,
        "precision": version.precision,
        "scales": json.dumps(scales),
    }
    session.execute(_REGISTER, values)
    row_id: int = session.execute(_VERSION, values).scalar_one()
    return row_id


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
def presence(database: Database, queue: Queue, *, software: str) -> Iterator[Presence]:
    """Record a run and hold its presence, until the context is left."""
    connection = database.connect()
    present: Presence | None = None
    try:
        values = {"source": queue.source_id, "model": queue.model_version_id, "software": software}
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
    return {"space": _PRESENCE, "run": run_id}


def end_run(session: Session, run_id: int, state: str) -> None:
    """Record how a run ended (``finished`` or ``failed``) and release its claims.

    They do not count as claims that killed their worker.
    """
    session.execute(_RELEASE_IN_GOOD_ORDER, {"run": run_id})
    session.execute(_END, {"run": run_id, "state": state})


def release_abandoned(session: Session, *, is_thorough: bool = True) -> int:
    """Release the claims of dead runs; safe to call at any time, by any run.

    Parameters
    ----------
    is_thorough
        Also release those of a run that ended or was taken for dead before, and claimed again. It
        reads all claims, and those that were closed as long as anyone's snapshot may see them.

    Returns
    -------
    How many claims were released.
    """
    candidates = list(session.scalars(_MAY_BE_DEAD if is_thorough else _RUNNING))
    dead = [run_id for run_id in candidates if session.scalar(_IS_DEAD, _lock_of(run_id))]
    if not dead:
        return 0
    lock_ledger(session)
    values = {"runs": dead, "most": MOST_CRASHES}
    # First, so that a run that still lives claims nothing more.
    session.execute(_ABANDON, values)
    released = len(session.execute(_RELEASE_ABANDONED, values).all())
    for statement in (_REJECT_CRASHERS, _FAIL_CRASHERS):
        session.execute(statement, values)
    return released


_PRESENCE = 7_205_991  # the first half of the advisory locks that are presences

_STORE_CHECK = text(
    """
    INSERT INTO site (id, pseudonym_check)
    SELECT 1, :fingerprint WHERE NOT EXISTS (SELECT FROM site)
    ON CONFLICT DO NOTHING
    """
)

_REGISTER = text(
    """
    INSERT INTO model_version
        (key, name, weights_sha256, head_sha256, preprocessing, precision, scales)
    SELECT :key, :name, :weights, :head, :preprocessing, :precision, CAST(:scales AS jsonb)
    WHERE NOT EXISTS (SELECT FROM model_version WHERE key = :key)
    ON CONFLICT DO NOTHING
    """
)

_VERSION = text("SELECT id FROM model_version WHERE key = :key")

_START = text(
    """
    INSERT INTO run (source_id, model_version_id, software) VALUES (:source, :model, :software)
    RETURNING id
    """
)

_RESUME = text(
    "UPDATE run SET state = 'running', ended_at = NULL WHERE id = :run AND state = 'abandoned'"
)

_END = text(
    """
    UPDATE run SET state = CAST(:state AS run_state), ended_at = clock_timestamp()
    WHERE id = :run AND state IN ('running', 'abandoned')
    """
)

_ABANDON = text(
    """
    UPDATE run SET state = 'abandoned', ended_at = clock_timestamp()
    WHERE id = ANY (:runs) AND state = 'running'
    """
)

_RUNNING = text("SELECT id FROM run WHERE state = 'running' ORDER BY id")

# By its claims too: a run may have claimed after it was taken for dead.
_MAY_BE_DEAD = text(
    """
    SELECT id FROM run WHERE state = 'running'
    UNION SELECT run_id FROM work WHERE state = 'claimed'
    ORDER BY 1
    """
)

_IS_DEAD = text("SELECT pg_try_advisory_xact_lock(:space, :run)")

_RELEASE_IN_GOOD_ORDER = text(
    "UPDATE work SET run_id = NULL, state = 'waiting' WHERE run_id = :run AND state = 'claimed'"
)

_RELEASE_ABANDONED = text(
    """
    UPDATE work SET run_id = NULL, state = 'waiting', crashes = crashes + 1
    WHERE run_id = ANY (:runs) AND state = 'claimed'
    RETURNING id
    """
)

# Nobody has read it, and nobody shall: for all model versions.
_REJECT_CRASHERS = text(
    """
    WITH crashers AS (
        SELECT object_id, crashes FROM work
        WHERE state = 'waiting' AND crashes >= :most AND NOT is_judged
    ), dropped AS (
        DELETE FROM work USING crashers WHERE work.object_id = crashers.object_id
    )
    UPDATE object SET
        state = 'rejected', reason = 'crashed_worker', decided_at = clock_timestamp(),
        detail = 'its worker died each of the ' || crashes || ' times it was tried'
    FROM crashers WHERE object.id = crashers.object_id
    """
)

_FAIL_CRASHERS = text(
    """
    UPDATE work SET
        state = 'failed', reason = 'crashed_worker',
        detail = 'its worker died each of the ' || crashes || ' times it was tried'
    WHERE state = 'waiting' AND crashes >= :most
    """
)
