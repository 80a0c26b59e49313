"""Storing imported events and groups: what is new is added, what changed is updated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.events.event import Event, PatientGroup
from db.prepared import array_text


@dataclass(frozen=True)
class Stored:
    """How many rows of a batch were new, changed or as they were.

    ``removed`` are those that a person removed, which an import leaves removed.
    """

    new: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        """Return the counts of both batches together."""
        return Stored(
            self.new + other.new,
            self.changed + other.changed,
            self.removed + other.removed,
            self.unchanged + other.unchanged,
        )


def unknown_patients(session: Session, patient_keys: Sequence[str]) -> set[str]:
    """Return those of the keys that no patient has."""
    return set(session.scalars(_UNKNOWN, {"keys": array_text(list(patient_keys))}))


def store_events(session: Session, source: str, events: Sequence[Event]) -> Stored:
    """Store events of known patients, of which none is there twice.

    An event is known by its patient, kind, label, start and source; another end replaces the
    stored one, and so does a midnight that is a date alone, or none. A trigger records that. Call
    `db.corrections.begin` before.
    """
    if not events:
        return Stored()
    rows = [_event_row(event) for event in events]
    counts = session.execute(_STORE_EVENTS, {"source": source, **_columns(rows)}).one()
    new, changed, removed = counts
    return Stored(new, changed, removed, len(events) - sum(counts))


def store_groups(session: Session, source: str, groups: Sequence[PatientGroup]) -> Stored:
    """Store groups of known patients, of which none is there twice.

    Another value replaces the stored one, and a trigger records that; one that a person removed
    stays removed.
    """
    if not groups:
        return Stored()
    rows = [vars(group) for group in groups]
    counts = session.execute(_STORE_GROUPS, {"source": source, **_columns(rows)}).one()
    new, changed, removed = counts
    return Stored(new, changed, removed, len(groups) - sum(counts))


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "patient_key": event.patient_key,
        "kind": event.kind,
        "label": event.label,
        "starts_at": event.start.at.isoformat(),
        "starts_is_date": event.start.is_date,
        "ends_at": event.end and event.end.at.isoformat(),
        "ends_is_date": bool(event.end and event.end.is_date),
        "zone": event.zone,
        "calendar_known": event.calendar_known,
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return the text of an array for each column: PostgreSQL reads that faster than lists."""
    return {name: array_text([row[name] for row in rows]) for name in rows[0]}


_UNKNOWN = text(
    """
    SELECT key FROM unnest(CAST(:keys AS text[])) AS key
    WHERE NOT EXISTS (SELECT FROM patient WHERE patient_key = key)
    """
)

# Sorted, so that two imports at once never wait for each other in a circle.
#
# Of merged patients an event is the one that any of them has: after a merge a hospital exports all
# under the number that is left. Of two lines about one event the own patient's is taken. Each is
# looked up patient by patient: PostgreSQL would read all events of a label for each line.
_STORE_EVENTS = text(
    """
    WITH named AS MATERIALIZED (
        SELECT DISTINCT ON (starts_at, kind, label, calendar_known, patient_id)
            coalesce(known.patient_id, patient.id) AS patient_id, row.*
        FROM unnest(
            CAST(:patient_key AS text[]), CAST(:kind AS event_kind[]), CAST(:label AS text[]),
            CAST(:starts_at AS timestamptz[]), CAST(:starts_is_date AS boolean[]),
            CAST(:ends_at AS timestamptz[]), CAST(:ends_is_date AS boolean[]),
            CAST(:zone AS text[]), CAST(:calendar_known AS boolean[])
        ) AS row (
            patient_key, kind, label, starts_at, starts_is_date, ends_at, ends_is_date, zone,
            calendar_known
        )
        JOIN patient USING (patient_key)
        LEFT JOIN LATERAL (
            SELECT of_person.id AS patient_id
            FROM (
                SELECT id FROM patient AS member WHERE member.person_id = patient.person_id OFFSET 0
            ) AS of_person
            CROSS JOIN LATERAL (
                SELECT kind, label, source, calendar_known FROM event
                WHERE event.patient_id = of_person.id AND event.starts_at = row.starts_at OFFSET 0
            ) AS theirs
            WHERE theirs.kind = row.kind AND theirs.label = row.label
                AND theirs.source = :source AND theirs.calendar_known = row.calendar_known
            ORDER BY of_person.id <> patient.id, of_person.id LIMIT 1
        ) AS known ON true
        ORDER BY starts_at, kind, label, calendar_known, patient_id,
            known.patient_id <> patient.id
    ),
    stored AS (
        INSERT INTO event AS kept (
            patient_id, kind, label, starts_at, starts_is_date, ends_at, ends_is_date, zone,
            calendar_known, source
        )
        SELECT patient_id, kind, label, starts_at, starts_is_date, ends_at, ends_is_date, zone,
            calendar_known, :source
        FROM named ORDER BY patient_id, starts_at, kind, label
        ON CONFLICT ON CONSTRAINT uq_event
            DO UPDATE SET starts_is_date = excluded.starts_is_date,
                ends_at = excluded.ends_at, ends_is_date = excluded.ends_is_date
            WHERE NOT kept.is_removed
                AND (kept.starts_is_date, kept.ends_at, kept.ends_is_date) IS DISTINCT FROM
                    (excluded.starts_is_date, excluded.ends_at, excluded.ends_is_date)
        RETURNING xmax = 0 AS is_new
    )
    SELECT
        (SELECT count(*) FROM stored WHERE is_new),
        (SELECT count(*) FROM stored WHERE NOT is_new),
        (
            SELECT count(*) FROM named
            JOIN event USING (patient_id, kind, label, starts_at, calendar_known)
            WHERE event.source = :source AND is_removed
        )
    """
)

# Nobody is in a group again whom a person took out of it, under whatever number of merged patients;
# they are looked up as above.
_STORE_GROUPS = text(
    """
    WITH named AS MATERIALIZED (
        SELECT patient.id AS patient_id, row.name, value, coalesce(is_removed, false) AS is_removed
        FROM unnest(
            CAST(:patient_key AS text[]), CAST(:name AS text[]), CAST(:value AS text[])
        ) AS row (patient_key, name, value)
        JOIN patient USING (patient_key)
        LEFT JOIN LATERAL (
            SELECT bool_and(theirs.is_removed) OR bool_or(theirs.is_removed)
                FILTER (WHERE of_person.id = patient.id) AS is_removed
            FROM (
                SELECT id FROM patient AS member WHERE member.person_id = patient.person_id OFFSET 0
            ) AS of_person
            CROSS JOIN LATERAL (
                SELECT is_removed FROM patient_attribute
                WHERE patient_id = of_person.id AND patient_attribute.name = row.name OFFSET 0
            ) AS theirs
        ) AS known ON true
    ),
    stored AS (
        INSERT INTO patient_attribute AS kept (patient_id, name, value, source)
        SELECT patient_id, name, value, :source FROM named
        WHERE NOT is_removed ORDER BY patient_id, name
        ON CONFLICT ON CONSTRAINT pk_patient_attribute
            DO UPDATE SET value = excluded.value, source = excluded.source
            WHERE NOT kept.is_removed AND kept.value <> excluded.value
        RETURNING xmax = 0 AS is_new
    )
    SELECT
        (SELECT count(*) FROM stored WHERE is_new),
        (SELECT count(*) FROM stored WHERE NOT is_new),
        (SELECT count(*) FROM named WHERE is_removed)
    """
)
