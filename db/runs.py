"""Model versions and runs, and how one run detects that another is dead."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.engine import Database
from db.errors import DatabaseError
from db.measurement_errors import to_plain
from db.tables import ModelVersionRow, Run, Site
from severity.domain import MeasurementErrors, ModelVersion

MOST_CLAIMS = 4
"""After this many abandoned claims an object is quarantined: it seems to crash its workers."""

_PRESENCE = "hashtextextended(:run, 0)"


def check_pseudonyms(session: Session, fingerprint: str) -> None:
    """Refuse a pseudonym secret other than the one that this database was first used with.

    Raises
    ------
    DatabaseError
        The secret is another one; every patient would start anew under a second key.
    """
    session.execute(insert(Site).values(id=1, pseudonym_check=fingerprint).on_conflict_do_nothing())
    if session.scalars(select(Site.pseudonym_check)).one() != fingerprint:
        raise DatabaseError(
            "the pseudonym secret is not the one that this database was first used with: "
            "set SEVERITY_PSEUDONYM_KEY to that one"
        )


def register_model(
    session: Session, version: ModelVersion, errors: MeasurementErrors | None = None
) -> int:
    """Return the id of a model version's row; the first call writes it, and none changes it.

    Parameters
    ----------
    errors
        The measurement errors of a calibrated version; None for any other.
    """
    session.execute(
        insert(ModelVersionRow)
        .values(
            key=version.key,
            name=version.name,
            weights_sha256=version.weights_sha256,
            head_sha256=version.head_sha256,
            preprocessing=version.preprocessing,
            precision=version.precision,
            scales={
                "geographic_extent": asdict(version.geographic_extent),
                "opacity": asdict(version.opacity),
            },
            calibration_sha256=version.calibration_sha256 or None,
            measurement_error=to_plain(errors) if errors else None,
        )
        .on_conflict_do_nothing()
    )
    ids = session.scalars(select(ModelVersionRow.id).where(ModelVersionRow.key == version.key))
    return ids.one()


@contextmanager
def presence(database: Database, run_id: UUID) -> Iterator[None]:
    """Hold a lock that shows other runs that this one lives, while its process and network do.

    An advisory lock belongs to a connection, and PostgreSQL ends it with the connection: after
    ``kill -9`` at once, without a clock or a heartbeat. A run whose connection breaks although
    it lives may lose its claims; `db.scores.close` then refuses its results.
    """
    with database.connection() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text(f"SELECT pg_advisory_lock({_PRESENCE})"), {"run": str(run_id)})
        try:
            yield
        finally:
            # Closing alone would only return it to the pool, lock and all.
            connection.invalidate()


def start_run(session: Session, run_id: UUID, *, model_version_id: int, software: str) -> None:
    """Record a run; its `presence` must be held already."""
    session.add(Run(id=run_id, model_version_id=model_version_id, software=software))


def end_run(session: Session, run_id: UUID, state: str) -> None:
    """Record how a run ended (``finished`` or ``failed``) and release its claims."""
    session.execute(_RELEASE_IN_GOOD_ORDER, {"run": run_id})
    session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state == "running")
        .values(state=state, ended_at=func.clock_timestamp())
    )


def release_abandoned(session: Session) -> int:
    """Release the claims of dead runs; safe to call at any time, by any run.

    Returns
    -------
    How many claims were released.
    """
    running = select(Run.id).where(Run.state == "running").order_by(Run.id)
    dead = [run_id for run_id in session.scalars(running) if _is_dead(session, run_id)]
    released = 0
    for run_id in dead:
        released += len(
            session.execute(_RELEASE_ABANDONED, {"run": run_id, "most": MOST_CLAIMS}).all()
        )
        end_run(session, run_id, "abandoned")
    return released


def _is_dead(session: Session, run_id: UUID) -> bool:
    free = session.scalar(
        text(f"SELECT pg_try_advisory_xact_lock({_PRESENCE})"), {"run": str(run_id)}
    )
    return bool(free)


# Locked in the order of `db.scores.close`: the run may only seem dead, and be closing.
_CLAIMS_OF_RUN = """
    WITH claimed AS MATERIALIZED (
        SELECT id FROM ledger WHERE run_id = :run AND state = 'claimed' ORDER BY id FOR UPDATE
    )
"""

# A claim released in good order does not count as an attempt that killed the worker.
_RELEASE_IN_GOOD_ORDER = text(
    f"""
    {_CLAIMS_OF_RUN}
    UPDATE ledger SET run_id = NULL, state = 'waiting', claims = claims - 1
    FROM claimed WHERE ledger.id = claimed.id
    """  # noqa: S608 - no value of a user is in it
)

_RELEASE_ABANDONED = text(
    f"""
    {_CLAIMS_OF_RUN}
    UPDATE ledger SET
        run_id = NULL,
        state = CASE WHEN claims < :most THEN 'waiting' ELSE 'quarantined' END,
        reason = CASE WHEN claims < :most THEN NULL ELSE 'crashed_worker' END,
        detail = CASE WHEN claims < :most THEN NULL
            ELSE 'the worker died each of the ' || claims || ' times it was tried' END,
        closed_at = CASE WHEN claims < :most THEN NULL ELSE clock_timestamp() END
    FROM claimed WHERE ledger.id = claimed.id
    RETURNING ledger.id
    """  # noqa: S608 - no value of a user is in it
)
