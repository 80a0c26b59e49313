"""Treatments and groups of patients: importing, listing and removing them."""

from db.events.event import Event, EventKind, EventTime, PatientGroup
from db.events.importing import Stored, store_events, store_groups, unknown_patients
from db.events.listing import StoredEvent, groups_of_patient, of_patient
from db.events.removing import remove, restore

__all__ = [
    "Event",
    "EventKind",
    "EventTime",
    "PatientGroup",
    "Stored",
    "StoredEvent",
    "groups_of_patient",
    "of_patient",
    "remove",
    "restore",
    "store_events",
    "store_groups",
    "unknown_patients",
]
