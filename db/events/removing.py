"""Removing events and groups that are wrong, and taking that back."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin
from db.errors import RefusedCorrection


def remove(session: Session, author: Author, event_id: int) -> bool:
    """Take an event out of all that shows treatments, whatever is imported later.

    Returns
    -------
    Whether it counted until now.

    Raises
    ------
    RefusedCorrection
        There is no such event.
    """
    begin(session, author, "event removed")
    return _set_removed(session, event_id, is_removed=True)


def restore(session: Session, author: Author, event_id: int) -> bool:
    """Let a removed event count again.

    Returns
    -------
    Whether it was removed until now.

    Raises
    ------
    RefusedCorrection
        There is no such event.
    """
    begin(session, author, "event restored")
    return _set_removed(session, event_id, is_removed=False)


def _set_removed(session: Session, event_id: int, *, is_removed: bool) -> bool:
    values = {"event": event_id, "is_removed": is_removed}
    if session.scalar(_EXISTS, values) is None:
        raise RefusedCorrection(f"there is no event {event_id}")
    return bool(session.execute(_SET_REMOVED, values).all())


def remove_group(session: Session, author: Author, patient_key: str, name: str) -> bool:
    """Take a person out of the group of a name, whatever is imported later.

    That of patients who were merged into the person, too: theirs would count instead.

    Returns
    -------
    Whether the person was in one until now.

    Raises
    ------
    RefusedCorrection
        The patient is unknown, or was never in a group of this name.
    """
    begin(session, author, "group removed")
    return _set_group_removed(session, patient_key, name, is_removed=True)


def restore_group(session: Session, author: Author, patient_key: str, name: str) -> bool:
    """Let a person be in the removed group of a name again, as it was imported.

    Returns
    -------
    Whether it was removed until now.

    Raises
    ------
    RefusedCorrection
        The patient is unknown, or was never in a group of this name.
    """
    begin(session, author, "group restored")
    return _set_group_removed(session, patient_key, name, is_removed=False)


def _set_group_removed(session: Session, patient_key: str, name: str, *, is_removed: bool) -> bool:
    values = {"patient": patient_key, "name": name, "is_removed": is_removed}
    if not session.execute(_GROUPS, values).all():
        raise RefusedCorrection("the patient was never in a group of this name, or is not known")
    return bool(session.execute(_SET_GROUP_REMOVED, values).all())


_EXISTS = text("SELECT id FROM event WHERE id = :event")

_SET_REMOVED = text(
    """
    UPDATE event SET is_removed = :is_removed
    WHERE id = :event AND is_removed <> :is_removed RETURNING id
    """
)

_GROUPS = text(
    """
    SELECT FROM patient_attribute
    JOIN patient ON patient.id = patient_id
    WHERE name = :name AND person_id = (
        SELECT person_id FROM patient WHERE patient_key = :patient
    )
    """
)

_SET_GROUP_REMOVED = text(
    """
    UPDATE patient_attribute SET is_removed = :is_removed
    FROM patient
    WHERE patient.id = patient_id AND name = :name AND is_removed <> :is_removed
        AND person_id = (SELECT person_id FROM patient WHERE patient_key = :patient)
    RETURNING patient_id
    """
)
