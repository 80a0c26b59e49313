"""How a site runs: its versions and runs, what each hour did, and since when the oldest waits."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Run:
    """One pass over a source by one model version, with what it scored and rejected."""

    run_id: int
    source: str
    model_version: str
    state: str
    software: str
    started_at: datetime
    ended_at: datetime | None
    scored: int
    rejected: int
    source_name: str


@dataclass(frozen=True)
class HourCounts:
    """What came in and what was done in one hour, over all sources, as counts."""

    hour: datetime
    received: int
    scored: int
    rejected: int


@dataclass(frozen=True)
class Waiting:
    """Since when the first of what a model version has yet to score lies in a source."""

    source: str
    model_version: str
    since: datetime


@dataclass(frozen=True)
class Version:
    """A model version of the site, and what its intervals and courses rest on; empty where nothing.

    ``has_scores`` is False while it scored nothing here. ``origin`` states where the parameters of
    courses come from: shipped, site or calibration. Margins and changes are in points.
    """

    model_version: str
    name: str
    precision: str
    registered_at: datetime
    has_scores: bool
    calibration_sha256: str
    parameters_sha256: str
    origin: str
    extent_margin: float | None
    opacity_margin: float | None
    extent_smallest_detectable_change: float | None
    opacity_smallest_detectable_change: float | None


def versions(session: Session) -> list[Version]:
    """List all model versions that were ever registered, the newest first."""
    return [Version(*row) for row in session.execute(_VERSIONS)]


def last_runs(session: Session, *, limit: int = 20) -> list[Run]:
    """List the last runs, the latest first."""
    return [Run(*row) for row in session.execute(_RUNS, {"limit": limit})]


def hour_counts(session: Session, since: datetime) -> list[HourCounts]:
    """List what came in, was scored and was rejected in each hour since then, the earliest first.

    Hours in which nothing happened are left out.
    """
    return [HourCounts(*row) for row in session.execute(_HOURS, {"since": since})]


def oldest_waiting(session: Session) -> list[Waiting]:
    """List since when the first waits, by source and model version; none where nothing waits."""
    return [Waiting(*row) for row in session.execute(_OLDEST)]


_VERSIONS = text(
    """
    SELECT model_version, name, precision, registered_at, has_scores,
        coalesce(calibration_sha256, ''), coalesce(course_parameters_sha256, ''),
        coalesce(course_parameters_origin, ''), extent_margin, opacity_margin,
        extent_smallest_detectable_change, opacity_smallest_detectable_change
    FROM model_versions ORDER BY registered_at DESC, model_version
    """
)

_RUNS = text(
    """
    SELECT run_id, source, model_version, state, software, started_at, ended_at, scored, rejected,
        source_name
    FROM runs ORDER BY run_id DESC LIMIT :limit
    """
)

_HOURS = text(
    """
    SELECT hour, CAST(sum(received) AS bigint), CAST(sum(scored) AS bigint),
        CAST(sum(rejected) AS bigint)
    FROM throughput WHERE hour >= :since GROUP BY hour ORDER BY hour
    """
)

_OLDEST = text(
    """
    SELECT source, model_version, waiting_since FROM oldest_waiting
    WHERE waiting_since IS NOT NULL ORDER BY waiting_since
    """
)
