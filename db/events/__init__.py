"""Treatments and groups of patients: importing, listing and removing them, and the responses."""

from db.events.event import Event, EventKind, EventTime, PatientGroup
from db.events.importing import Stored, store_events, store_groups, unknown_patients
from db.events.listing import StoredEvent, of_patient
from db.events.removing import remove, remove_group, restore, restore_group
from db.events.responses import erase_responses, write_responses
from db.events.starts import EventStarts, read_starts

__all__ = [
    "Event",
    "EventKind",
    "EventStarts",
    "EventTime",
    "PatientGroup",
    "Stored",
    "StoredEvent",
    "erase_responses",
    "of_patient",
    "read_starts",
    "remove",
    "remove_group",
    "restore",
    "restore_group",
    "store_events",
    "store_groups",
    "unknown_patients",
    "write_responses",
]
