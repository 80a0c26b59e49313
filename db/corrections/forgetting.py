"""Forgetting a patient: everything of one person is erased, and only a count is left."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin
from db.courses.erasing import erase_persons
from db.errors import RefusedCorrection


@dataclass(frozen=True)
class Forgotten:
    """How much was erased of one person."""

    patients: int
    images: int
    scores: int
    objects: int


@dataclass(frozen=True)
class _Person:
    """The ids of all that is known of one person."""

    patients: list[int]
    images: list[int]
    objects: list[int]


def forget(
    session: Session, author: Author, patient_key: str, *, rejected: Sequence[int] = ()
) -> Forgotten:
    """Erase a person everywhere, with all patients that were merged; only the owner may.

    Their objects stay as rejected, without a name or a detail: so the files are not scored again
    while they lie in their source. One event with the counts is left.

    Parameters
    ----------
    rejected
        Rejected objects that are of this person too. Nothing stored says whose they are.

    Raises
    ------
    RefusedCorrection
        There is no such patient, or an object of ``rejected`` is not rejected.
    """
    begin(session, author, "patient forgotten")
    person = _person(session, patient_key, rejected)
    values = asdict(person)
    for statement in (_ERASE_WORK, _ERASE_OUTPUTS):
        session.execute(statement, values)
    scores = len(session.execute(_ERASE_SCORES, values).all())
    erase_persons(session, person.patients)
    for statement in _ERASE_ALL_ELSE:
        session.execute(statement, values)
    forgotten = Forgotten(len(person.patients), len(person.images), scores, len(person.objects))
    session.execute(_RECORD, {"counts": json.dumps(asdict(forgotten))})
    return forgotten


def _person(session: Session, patient_key: str, rejected: Sequence[int]) -> _Person:
    patients = list(session.scalars(_PATIENTS, {"patient": patient_key}))
    if not patients:
        raise RefusedCorrection(f"there is no patient {patient_key}")
    images = list(session.scalars(_IMAGES, {"patients": patients}))
    known = set(session.scalars(_REJECTED, {"objects": list(rejected)}))
    if others := sorted(set(rejected) - known):
        raise RefusedCorrection(f"not rejected: {', '.join(map(str, others))}")
    objects = known.union(session.scalars(_OBJECTS, {"images": images}))
    return _Person(patients, images, sorted(objects))


_PATIENTS = text(
    """
    SELECT id FROM patient
    WHERE person_id = (SELECT person_id FROM patient WHERE patient_key = :patient)
    """
)

# With the parts of films that were superseded before the whole was moved to the patient.
_IMAGES = text(
    """
    WITH own AS (
        SELECT image.id, image_uid FROM image JOIN study ON study.id = image.study_id
        WHERE patient_id = ANY (CAST(:patients AS bigint[]))
    )
    SELECT id FROM own
    UNION SELECT image.id FROM image
    WHERE standing = 'superseded' AND image_uid IN (SELECT image_uid FROM own)
    """
)

_OBJECTS = text(
    """
    SELECT id FROM object WHERE image_id = ANY (CAST(:images AS bigint[]))
    UNION SELECT object_id FROM correction
    WHERE CAST(before ->> 'image_id' AS bigint) = ANY (CAST(:images AS bigint[]))
        AND object_id IS NOT NULL
    UNION SELECT part.id
    FROM sighting
    JOIN replaced USING (source_id, key_digest)
    JOIN object AS own ON own.id = sighting.object_id
    JOIN object AS part ON part.id = replaced.object_id
    WHERE own.image_id = ANY (CAST(:images AS bigint[])) AND part.reason = 'superseded'
    """
)

_REJECTED = text(
    "SELECT id FROM object WHERE id = ANY (CAST(:objects AS bigint[])) AND state = 'rejected'"
)

_ERASE_WORK = text("DELETE FROM work WHERE object_id = ANY (CAST(:objects AS bigint[]))")

_ERASE_OUTPUTS = text("DELETE FROM score_output WHERE image_id = ANY (CAST(:images AS bigint[]))")

_ERASE_SCORES = text(
    "DELETE FROM score WHERE image_id = ANY (CAST(:images AS bigint[])) RETURNING image_id"
)

_ENTOMB = text(
    """
    UPDATE object SET
        state = 'rejected', reason = 'forgotten', detail = NULL, image_id = NULL, run_id = NULL,
        replaces_id = NULL, decided_at = now(), dismissed_at = now()
    WHERE id = ANY (CAST(:objects AS bigint[]))
    """
)

# A place that is still there is known by its digest, and so is not read again.
_ERASE_NAMES = text(
    """
    UPDATE sighting SET object_key = ''
    WHERE object_id = ANY (CAST(:objects AS bigint[])) AND gone_at IS NULL
    """
)

# How far a listing came is said by a key: it begins anew where that was the patient's.
_ERASE_REACHED = text(
    """
    UPDATE listing SET reached_key = NULL
    FROM sighting
    WHERE sighting.source_id = listing.source_id AND object_key = reached_key
        AND object_id = ANY (CAST(:objects AS bigint[]))
    """
)

_ERASE_PLACES = text(
    """
    DELETE FROM sighting
    WHERE object_id = ANY (CAST(:objects AS bigint[])) AND gone_at IS NOT NULL
    """
)

_ERASE_REPLACED = text("DELETE FROM replaced WHERE object_id = ANY (CAST(:objects AS bigint[]))")

# Where it was sent, it stays: only whoever runs that system can erase it there.
_ERASE_SENT = text("DELETE FROM sent WHERE image_id = ANY (CAST(:images AS bigint[]))")

_ERASE_IMAGES = text("DELETE FROM image WHERE id = ANY (CAST(:images AS bigint[]))")

# Also the empty studies of others that an image was moved from.
_ERASE_STUDIES = text(
    """
    WITH own AS (
        SELECT study_uid FROM study WHERE patient_id = ANY (CAST(:patients AS bigint[]))
    )
    DELETE FROM study
    WHERE patient_id = ANY (CAST(:patients AS bigint[])) OR (
        study_uid IN (SELECT study_uid FROM own)
        AND NOT EXISTS (SELECT FROM image WHERE image.study_id = study.id)
    )
    """
)

_ERASE_TREATMENTS = text("DELETE FROM event WHERE patient_id = ANY (CAST(:patients AS bigint[]))")

# Perhaps nobody else had this treatment.
_ERASE_LABELS = text(
    """
    DELETE FROM event_label
    WHERE NOT EXISTS (
        SELECT FROM event WHERE event.label = event_label.label AND event.kind = event_label.kind
    )
    """
)

_ERASE_GROUPS = text(
    "DELETE FROM patient_attribute WHERE patient_id = ANY (CAST(:patients AS bigint[]))"
)

_ERASE_LOOKUPS = text("DELETE FROM lookup WHERE patient_id = ANY (CAST(:patients AS bigint[]))")

_ERASE_PATIENTS = text("DELETE FROM patient WHERE id = ANY (CAST(:patients AS bigint[]))")

_ERASE_EVENTS = text(
    """
    DELETE FROM correction
    WHERE patient_id = ANY (CAST(:patients AS bigint[]))
        OR image_id = ANY (CAST(:images AS bigint[]))
        OR object_id = ANY (CAST(:objects AS bigint[]))
    """
)

_ERASE_ALL_ELSE = (
    _ENTOMB,
    _ERASE_REACHED,
    _ERASE_NAMES,
    _ERASE_PLACES,
    _ERASE_REPLACED,
    _ERASE_SENT,
    _ERASE_IMAGES,
    _ERASE_STUDIES,
    _ERASE_TREATMENTS,
    _ERASE_LABELS,
    _ERASE_GROUPS,
    _ERASE_LOOKUPS,
    _ERASE_PATIENTS,
    _ERASE_EVENTS,
)

_RECORD = text(
    """
    INSERT INTO correction (who, why, what, after)
    VALUES (
        current_setting('severity.who'), current_setting('severity.why'),
        current_setting('severity.what'), CAST(:counts AS jsonb)
    )
    """
)
