"""The ledger: which objects were seen, which run works on each, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from db.tables import Sighting
from severity.domain import Reason

_ENLISTING = 7_205_991_846_306_021_002  # an arbitrary constant of this project
SUSPECT_CLAIMS = 2
"""An object claimed this often is a suspect, claimed alone: if it kills its worker, no other
object loses its claim."""


@dataclass(frozen=True)
class SeenObject:
    """One object in an inbox: where it is and what it holds.

    ``fingerprint`` is known without reading the object and changes when the object does.
    ``record_sha256`` is the keyed hash of its sidecar record, empty without one.
    """

    object_key: str
    fingerprint: str
    content_sha256: str
    record_sha256: str = ""


@dataclass(frozen=True)
class Claim:
    """One object that a run has claimed."""

    ledger_id: int
    object_key: str
    content_sha256: str
    record_sha256: str


def known_contents(session: Session, inbox: str, fingerprints: dict[str, str]) -> dict[str, str]:
    """Look up the contents of objects that need not be read again.

    Parameters
    ----------
    fingerprints
        Of the objects, by key.

    Returns
    -------
    The content's SHA-256 by key, for the objects that are unchanged since they were read.
    """
    unchanged = tuple_(Sighting.object_key, Sighting.fingerprint).in_(list(fingerprints.items()))
    rows = session.execute(
        select(Sighting.object_key, Sighting.content_sha256).where(
            Sighting.inbox == inbox, unchanged
        )
    )
    return {row.object_key: row.content_sha256 for row in rows}


def enlist(
    session: Session, inbox: str, objects: Sequence[SeenObject], *, model_version_id: int
) -> int:
    """Enter objects into the ledger; entries that it has already stay as they are.

    Returns
    -------
    How many objects wait now that did not before.
    """
    if not objects:
        return 0
    values = {
        "inbox": inbox,
        "model": model_version_id,
        "keys": [seen.object_key for seen in objects],
        "fingerprints": [seen.fingerprint for seen in objects],
        "contents": [seen.content_sha256 for seen in objects],
        "records": [seen.record_sha256 for seen in objects],
    }
    # Runs that enter the same contents in another order would wait for each other.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ENLISTING})
    session.execute(_SIGHT, values)
    changed = [
        len(session.execute(statement, values).all())
        for statement in (_DESCRIBED, _REAPPEARED, _ENLIST)
    ]
    return sum(changed)


def claim(
    session: Session, inbox: str, run_id: UUID, *, model_version_id: int, limit: int
) -> list[Claim]:
    """Claim the next objects of an inbox that wait for a model version; no suspects."""
    values = {"inbox": inbox, "run": run_id, "model": model_version_id}
    return _claim(session, values | {"suspects": False, "limit": limit})


def claim_suspect(
    session: Session, inbox: str, run_id: UUID, *, model_version_id: int
) -> list[Claim]:
    """Claim one object whose earlier claims ended with their worker, if one waits.

    It may kill this worker too: a run that claims it must hold no other batch.
    """
    values = {"inbox": inbox, "run": run_id, "model": model_version_id}
    return _claim(session, values | {"suspects": True, "limit": 1})


def _claim(session: Session, values: dict[str, object]) -> list[Claim]:
    rows = session.execute(_CLAIM, values | {"suspect": SUSPECT_CLAIMS}).all()
    return [Claim(*row) for row in sorted(rows)]


def waiting(session: Session, inbox: str, *, model_version_id: int) -> int:
    """Count the objects of an inbox that wait for a model version."""
    count: int = session.scalar(_WAITING, {"inbox": inbox, "model": model_version_id}) or 0
    return count


def release(session: Session, reason: Reason, *, model_version_id: int) -> int:
    """Put all objects that were rejected for one reason back in the queue.

    Returns
    -------
    How many objects were put back.
    """
    values = {"reason": reason.value, "model": model_version_id}
    return len(session.execute(_RELEASE, values).all())


_OBJECTS = """
    unnest(
        CAST(:keys AS text[]), CAST(:contents AS text[]), CAST(:records AS text[])
    ) WITH ORDINALITY AS seen (object_key, content_sha256, record_sha256, place)
"""

_SIGHT = text(
    """
    INSERT INTO sighting
        (inbox, object_key, fingerprint, content_sha256, record_sha256)
    SELECT :inbox, object_key, fingerprint, content_sha256, record_sha256
    FROM unnest(
        CAST(:keys AS text[]), CAST(:fingerprints AS text[]), CAST(:contents AS text[]),
        CAST(:records AS text[])
    ) AS seen (object_key, fingerprint, content_sha256, record_sha256)
    ON CONFLICT (inbox, object_key, content_sha256, record_sha256)
    DO UPDATE SET fingerprint = excluded.fingerprint
    WHERE sighting.fingerprint <> excluded.fingerprint
    """
)

# An image without a sidecar record is rejected; a record that comes later brings it back, as
# the same entry: it was seen once.
_DESCRIBED = text(
    f"""
    UPDATE ledger SET
        record_sha256 = described.record_sha256, state = 'waiting', reason = NULL,
        detail = NULL, run_id = NULL, closed_at = NULL
    FROM (
        SELECT content_sha256, min(record_sha256) AS record_sha256
        FROM {_OBJECTS} WHERE record_sha256 <> '' GROUP BY content_sha256
    ) AS described
    WHERE ledger.content_sha256 = described.content_sha256
        AND ledger.model_version_id = :model AND ledger.record_sha256 = ''
        AND ledger.state = 'quarantined' AND ledger.reason = 'no_sidecar_record'
        AND NOT EXISTS (
            SELECT FROM ledger AS other
            WHERE other.content_sha256 = described.content_sha256
                AND other.record_sha256 = described.record_sha256
                AND other.model_version_id = :model
        )
    RETURNING ledger.id
    """  # noqa: S608 - no value of a user is in it
)

_REAPPEARED = text(
    f"""
    UPDATE ledger SET
        state = 'waiting', reason = NULL, detail = NULL, run_id = NULL, closed_at = NULL
    FROM {_OBJECTS}
    WHERE ledger.content_sha256 = seen.content_sha256
        AND ledger.record_sha256 = seen.record_sha256
        AND ledger.model_version_id = :model
        AND ledger.state = 'quarantined' AND ledger.reason = 'vanished'
    RETURNING ledger.id
    """  # noqa: S608 - no value of a user is in it
)

_ENLIST = text(
    f"""
    INSERT INTO ledger (content_sha256, record_sha256, model_version_id)
    SELECT content_sha256, record_sha256, CAST(:model AS bigint)
    FROM {_OBJECTS}
    WHERE NOT EXISTS (
        SELECT FROM ledger
        WHERE ledger.content_sha256 = seen.content_sha256
            AND ledger.record_sha256 = seen.record_sha256
            AND ledger.model_version_id = :model
    )
    GROUP BY content_sha256, record_sha256
    ORDER BY min(place)
    ON CONFLICT DO NOTHING
    RETURNING id
    """  # noqa: S608 - no value of a user is in it
)

_IN_INBOX = """
    EXISTS (
        SELECT FROM sighting
        WHERE sighting.content_sha256 = ledger.content_sha256
            AND sighting.record_sha256 = ledger.record_sha256
            AND sighting.inbox = :inbox
    )
"""

_CLAIM = text(
    f"""
    WITH next AS ( -- a CTE: PostgreSQL may run a subquery with LIMIT twice and overshoot
        SELECT id FROM ledger
        WHERE state = 'waiting' AND model_version_id = :model
            AND (claims >= :suspect) = :suspects AND {_IN_INBOX}
        ORDER BY id LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE ledger SET state = 'claimed', run_id = :run, claims = claims + 1
        FROM next WHERE ledger.id = next.id
        RETURNING ledger.id, ledger.content_sha256, ledger.record_sha256
    )
    SELECT claimed.id, place.object_key, claimed.content_sha256, claimed.record_sha256
    FROM claimed CROSS JOIN LATERAL (
        SELECT object_key FROM sighting
        WHERE sighting.content_sha256 = claimed.content_sha256
            AND sighting.record_sha256 = claimed.record_sha256 AND sighting.inbox = :inbox
        ORDER BY sighting.id DESC LIMIT 1
    ) AS place
    """  # noqa: S608 - no value of a user is in it
)

_WAITING = text(
    f"""
    SELECT count(*) FROM ledger
    WHERE state = 'waiting' AND model_version_id = :model AND {_IN_INBOX}
    """  # noqa: S608 - no value of a user is in it
)

_RELEASE = text(
    """
    UPDATE ledger SET
        state = 'waiting', reason = NULL, detail = NULL, run_id = NULL, closed_at = NULL,
        claims = 0
    WHERE state = 'quarantined' AND reason = :reason AND model_version_id = :model
    RETURNING id
    """
)
