"""Model versions and runs, and how one run sees that another is dead."""

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
"""An object whose claim was abandoned this often is taken for what kills the workers."""

_PRESENCE = "hashtextextended(:run, 0)"


def check_pseudonyms(session: Session, fingerprint: str) -> None:
    """Refuse a pseudonym secret other than the one that this database was begun with.

    Raises
    ------
    DatabaseError
        The secret is another one; every patient would start anew under a second key.
    """
    session.execute(insert(Site).values(id=1, pseudonym_check=fingerprint).on_conflict_do_nothing())
    if session.scalars(select(Site.pseudonym_check)).one() != fingerprint:
        raise DatabaseError(
            "the pseudonym secret is not the one that this database was begun with: "
            "set SEVERITY_PSEUDONYM_KEY to that one"
        )


def register_model(
    session: Session, version: ModelVersion, errors: MeasurementErrors | None = None
) -> int:
    """Return the row of a model version; the first call makes it, for good.

    Parameters
    ----------
    errors
        Of a version that has a calibration, and of no other.
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
    found = session.scalars(select(ModelVersionRow.id).where(ModelVersionRow.key == version.key))
    return found.one()


@contextmanager
def presence(database: Database, run_id: UUID) -> Iterator[None]:
    """Show other runs that this one is alive, for as long as its process and network are.

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
    """Record a run; its `presence` must already show."""
    session.add(Run(id=run_id, model_version_id=model_version_id, software=software))


def end_run(session: Session, run_id: UUID, state: str) -> None:
    """Record how a run ended (``finished`` or ``failed``) and put back what it still holds."""
    session.execute(_GIVE_BACK, {"run": run_id})
    session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state == "running")
        .values(state=state, ended_at=func.clock_timestamp())
    )


def release_abandoned(session: Session) -> int:
    """Put back what dead runs had claimed; safe to call at any time, by any run.

    Returns
    -------
    How many claims were released.
    """
    running = select(Run.id).where(Run.state == "running").order_by(Run.id)
    dead = [run_id for run_id in session.scalars(running) if _is_dead(session, run_id)]
    released = 0
    for run_id in dead:
        released += len(session.execute(_RELEASE, {"run": run_id, "most": MOST_CLAIMS}).all())
        end_run(session, run_id, "abandoned")
    return released


def _is_dead(session: Session, run_id: UUID) -> bool:
    free = session.scalar(
        text(f"SELECT pg_try_advisory_xact_lock({_PRESENCE})"), {"run": str(run_id)}
    )
    return bool(free)


# In the order in which `db.scores.close` locks them: the run may only seem dead, and be closing.
_ITS_CLAIMS = """
    WITH its AS MATERIALIZED (
        SELECT id FROM ledger WHERE run_id = :run AND state = 'claimed' ORDER BY id FOR UPDATE
    )
"""

# Given back in good order, so it does not count as an attempt that killed the worker.
_GIVE_BACK = text(
    f"""
    {_ITS_CLAIMS}
    UPDATE ledger SET run_id = NULL, state = 'waiting', claims = claims - 1
    FROM its WHERE ledger.id = its.id
    """  # noqa: S608 - no value of a user is in it
)

_RELEASE = text(
    f"""
    {_ITS_CLAIMS}
    UPDATE ledger SET
        run_id = NULL,
        state = CASE WHEN claims < :most THEN 'waiting' ELSE 'quarantined' END,
        reason = CASE WHEN claims < :most THEN NULL ELSE 'crashed_worker' END,
        detail = CASE WHEN claims < :most THEN NULL
            ELSE 'the worker died each of the ' || claims || ' times it was tried' END,
        closed_at = CASE WHEN claims < :most THEN NULL ELSE clock_timestamp() END
    FROM its WHERE ledger.id = its.id
    RETURNING ledger.id
    """  # noqa: S608 - no value of a user is in it
)
