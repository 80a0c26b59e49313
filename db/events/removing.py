"""Removing events that are wrong, and taking that back."""

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


_EXISTS = text("SELECT id FROM event WHERE id = :event")

_SET_REMOVED = text(
    """
    UPDATE event SET is_removed = :is_removed
    WHERE id = :event AND is_removed <> :is_removed RETURNING id
    """
)
