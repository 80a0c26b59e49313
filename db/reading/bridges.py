"""Bridges to a model version, and what a person chose for one patient's courses."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class StoredBridge:
    """A bridge from one model version to another; ``content`` is its text as JSON."""

    id: int
    former_version: str
    current_version: str
    learned_at: datetime
    patients: int
    films: int
    content: str


@dataclass(frozen=True)
class ReadChoice:
    """What a person chose for a patient's courses; None where nothing was."""

    episode_days: float | None = None
    baseline_image_id: int | None = None
    treatment_at: datetime | None = None
    calendar_known: bool | None = None


def bridges(session: Session, current_version: str | None = None) -> list[StoredBridge]:
    """List bridges, the newest first: those to a model version, or all."""
    rows = session.execute(_BRIDGES, {"current": current_version})
    return [StoredBridge(**row) for row in rows.mappings()]


def choice(session: Session, patient_key: str) -> ReadChoice:
    """Return what was chosen for a patient who is merged into no other."""
    row = session.execute(_CHOICE, {"patient": patient_key}).first()
    return ReadChoice() if row is None else ReadChoice(*row)


_BRIDGES = text(
    """
    SELECT bridge_id AS id, former_version, current_version, learned_at, patients, films,
        CAST(content AS text) AS content
    FROM bridges
    WHERE current_version = coalesce(CAST(:current AS text), current_version)
    ORDER BY bridge_id DESC
    """
)

_CHOICE = text(
    """
    SELECT episode_days, baseline_image_id, treatment_at, calendar_known
    FROM course_choices WHERE patient_key = :patient
    """
)
