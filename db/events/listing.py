"""The events of a person, as they are stored."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class StoredEvent:
    """An event of a person.

    ``start`` and ``end`` are a time in UTC, a date where only that is known, or a day since the
    patient's unknown day 0: ``2020-03-05T14:30:00Z``, ``2020-03-05``, ``day 3``.
    """

    event_id: int
    patient_key: str
    kind: str
    label: str
    start: str
    end: str | None
    source: str
    is_removed: bool


def of_patient(session: Session, patient_key: str) -> list[StoredEvent]:
    """List all events of a person with those of merged patients, also removed ones, by start."""
    return [StoredEvent(*row) for row in session.execute(_OF_PERSON, {"patient": patient_key})]


_OF_PERSON = text(
    """
    SELECT event.id, patient_key, kind, label,
        event_time(starts_at, starts_is_date, calendar_known, zone),
        event_time(ends_at, ends_is_date, calendar_known, zone),
        source, is_removed
    FROM event JOIN patient ON patient.id = event.patient_id
    WHERE person_id = (SELECT person_id FROM patient WHERE patient_key = :patient)
    ORDER BY calendar_known, starts_at, event.id
    """
)
