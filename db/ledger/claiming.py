"""Claims: which run works on which object, for one model version."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.errors import DatabaseError
from db.prepared import Prepared

SUSPECT_CRASHES = 2
"""An object whose workers died this often is a suspect, claimed alone: if it kills its worker, no
other object loses its claim."""


@dataclass(frozen=True)
class Queue:
    """What waits in one source for one model version, by their ids."""

    source_id: int
    model_version_id: int


@dataclass(frozen=True)
class Claim:
    """One object that a run has claimed.

    ``object_key`` is None if no place of the source has shown the object since it was enlisted.
    ``archive`` is where the source's archive is, if the object was moved there.
    ``is_judged`` means that the object is accepted: all that is left is to score its image.
    """

    work_id: int
    object_key: str | None
    content_sha256: str
    record_sha256: str
    is_judged: bool
    archive: str | None = None


def claim(
    session: Session, queue: Queue, run_id: int, *, limit: int, after: int = 0
) -> list[Claim]:
    """Claim the next objects that wait; no suspects.

    Parameters
    ----------
    after
        The work that the run claimed last: it looks behind that first. All that was closed before
        it stays in the index as long as anyone's snapshot may see it, such as a backup's, and would
        be read again by each claim.

    Raises
    ------
    DatabaseError
        The run has been taken for dead.
    """
    values = {"limit": limit, "suspect": SUSPECT_CRASHES}
    claims = _claim(session, _CLAIM, queue, run_id, values | {"after": after})
    if not claims and after:
        # What others released lies before it.
        claims = _claim(session, _CLAIM, queue, run_id, values | {"after": 0})
    return claims


def claim_suspect(session: Session, queue: Queue, run_id: int) -> list[Claim]:
    """Claim one object whose earlier workers died, if one waits.

    It may kill this worker too: a run that claims it must hold no other batch.

    Raises
    ------
    DatabaseError
        The run has been taken for dead.
    """
    values = {"limit": 1, "suspect": SUSPECT_CRASHES}
    return _claim(session, _CLAIM_SUSPECT, queue, run_id, values)


def _claim(
    session: Session, statement: Prepared, queue: Queue, run_id: int, more: Mapping[str, int]
) -> list[Claim]:
    if _IS_RUNNING.execute(session, {"run": run_id}).first() is None:
        raise DatabaseError(f"run {run_id} was taken for dead: its connection was lost")
    values = {"source": queue.source_id, "model": queue.model_version_id, "run": run_id, **more}
    rows = statement.execute(session, values).all()
    return [Claim(*row) for row in sorted(rows)]


def count_waiting(session: Session, queue: Queue) -> int:
    """Count the objects of a source that wait for a model version."""
    values = {"source": queue.source_id, "model": queue.model_version_id}
    return session.scalar(_COUNT_WAITING, values) or 0


# Locked, so that nobody takes the run for dead before it holds what it claims. The disk is not
# waited for: a claim that a crash of the server undoes is one that its run no longer holds.
_IS_RUNNING = Prepared(
    """
    SELECT set_config('synchronous_commit', 'off', true) FROM run
    WHERE id = :run AND state = 'running' FOR SHARE
    """
)


def _claiming(condition: str) -> str:
    return f"""
    WITH next AS ( -- a CTE: PostgreSQL may run a subquery with LIMIT twice and overshoot
        SELECT object_id FROM work
        WHERE state = 'waiting' AND source_id = :source AND model_version_id = :model
            AND {condition}
        ORDER BY id LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE work SET state = 'claimed', run_id = :run
        -- By an array: joined with few rows, the planner would read all that waits.
        WHERE object_id = ANY (ARRAY(SELECT object_id FROM next)) AND model_version_id = :model
        RETURNING id, object_id, is_judged
    )
    SELECT claimed.id, place.object_key, encode(content_sha256, 'hex'),
        encode(record_sha256, 'hex'), claimed.is_judged, place.archive
    FROM claimed
    JOIN object ON object.id = claimed.object_id
    LEFT JOIN LATERAL (
        SELECT object_key,
            (SELECT location FROM source WHERE id = source_id AND id <> :source) AS archive
        FROM (
            SELECT * FROM sighting WHERE object_id = claimed.object_id
            -- By the object, even where little is known yet of a source and its million places.
            OFFSET 0
        ) AS of_object
        WHERE gone_at IS NULL AND (
            source_id = :source
            OR source_id = ANY (ARRAY(SELECT id FROM source WHERE archive_of_id = :source))
        )
        ORDER BY source_id <> :source, of_object.id LIMIT 1
    ) AS place ON true
    """  # noqa: S608 - no value of a user is in it


_CLAIM = Prepared(_claiming("crashes < :suspect AND id > :after"))

_CLAIM_SUSPECT = Prepared(_claiming("crashes >= :suspect"))

# By the counter: there may be a million. Claims change no counter, and are few.
_COUNT_WAITING = text(
    """
    SELECT
        coalesce((
            SELECT n FROM tally
            WHERE source_id = :source AND model_version_id = :model AND what = 'queued'
        ), 0)
        - (
            SELECT count(*) FROM work
            WHERE state = 'claimed' AND source_id = :source AND model_version_id = :model
        )
    """
)
