"""How runs end, and what becomes of the claims of those that died."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.lock import lock_ledger
from db.ledger.presence import is_dead

MOST_CRASHES = 5
"""After so many deaths of its workers an object is given up: it seems to crash them. It was
claimed alone for the last of them."""


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
    dead = [run_id for run_id in candidates if is_dead(session, run_id)]
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
