"""What a monitoring system watches: a snapshot of the site, read from counters and indexes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.reading.site import balances, operations
from db.reading.site.balances import SourceBalance
from db.reading.site.operations import Waiting


@dataclass(frozen=True)
class SourceRuns:
    """When a source was last passed over with success, and when a file last arrived there.

    ``failures_since`` counts the passes since that success which failed or died.
    """

    source: str
    last_success_at: datetime | None
    last_received_hour: datetime | None
    failures_since: int


@dataclass(frozen=True)
class Rejections:
    """How many files of a source are rejected for a reason."""

    source: str
    reason: str
    files: int


@dataclass(frozen=True)
class StageSeconds:
    """The sum of the seconds that images of a source spent in a stage, over all runs."""

    source: str
    model_version: str
    stage: str
    images: int
    seconds: float


@dataclass(frozen=True)
class Verdicts:
    """How many patients have a verdict of extent in their latest episode."""

    model_version: str
    verdict: str
    patients: int


@dataclass(frozen=True)
class Snapshot:
    """A site at one moment, by the clock of its database; counts alone, and no patient."""

    at: datetime
    balances: tuple[SourceBalance, ...]
    rejections: tuple[Rejections, ...]
    oldest_waiting: tuple[Waiting, ...]
    runs: tuple[SourceRuns, ...]
    stages: tuple[StageSeconds, ...]
    verdicts: tuple[Verdicts, ...]
    database_bytes: int


def snapshot(session: Session) -> Snapshot:
    """Read all that is watched; it counts no score, and patients in an index."""
    return Snapshot(
        at=session.execute(_NOW).scalar_one(),
        balances=tuple(balances.balances(session)),
        rejections=tuple(Rejections(*row) for row in session.execute(_REJECTIONS)),
        oldest_waiting=tuple(operations.oldest_waiting(session)),
        runs=tuple(source_runs(session)),
        stages=tuple(StageSeconds(*row) for row in session.execute(_STAGES)),
        verdicts=tuple(Verdicts(*row) for row in session.execute(_VERDICTS)),
        database_bytes=session.execute(_BYTES).scalar_one(),
    )


def source_runs(session: Session) -> list[SourceRuns]:
    """List when each source was last passed over with success, and when a file last arrived."""
    return [SourceRuns(*row) for row in session.execute(_RUNS)]


_NOW = text("SELECT now()")

_BYTES = text("SELECT pg_database_size(current_database())")

_REJECTIONS = text(
    """
    SELECT source, reason, CAST(sum(objects) AS bigint) FROM reasons
    WHERE what = 'rejected' GROUP BY source, reason ORDER BY source, reason
    """
)

_RUNS = text(
    """
    SELECT source, last_success_at, last_received_hour, failures_since
    FROM source_runs ORDER BY source
    """
)

_STAGES = text(
    """
    SELECT source, model_version, stage, images, seconds
    FROM stage_times ORDER BY source, model_version, stage
    """
)

_VERDICTS = text(
    "SELECT model_version, verdict, patients FROM course_verdicts ORDER BY model_version, verdict"
)
