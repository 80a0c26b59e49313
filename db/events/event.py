"""A treatment of a patient, and a group that a patient belongs to, as values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What an event is."""

    DRUG = "drug"
    PROCEDURE = "procedure"
    STAY = "stay"
    OTHER = "other"


@dataclass(frozen=True)
class EventTime:
    """When an event starts or ends, aware; the beginning of a day where only the date is known."""

    at: datetime
    is_date: bool


@dataclass(frozen=True)
class Event:
    """A drug, a procedure or a stay of a patient, as a file names it.

    ``zone`` is the time zone of its dates and of times without one. ``calendar_known`` is false
    where times are days since the patient's unknown day 0.
    """

    patient_key: str
    kind: EventKind
    label: str
    start: EventTime
    end: EventTime | None
    zone: str
    calendar_known: bool = True


@dataclass(frozen=True)
class PatientGroup:
    """A group of a patient, such as the arm of a trial, by the name of the grouping."""

    patient_key: str
    name: str
    value: str
