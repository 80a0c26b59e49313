"""How far the listing of a source has come, so that a pass need not begin at its first key."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Position:
    """How far the listing of a source has come.

    Everything up to ``reached_key`` is entered; it is None at the beginning. ``began_at`` is when
    the whole listing began that has not come to its end: its run works, or was killed.
    ``whole_is_under_way`` means that this was lately, and ``whole_is_recent`` that one did come to
    its end lately.
    """

    reached_key: str | None = None
    began_at: datetime | None = None
    whole_is_under_way: bool = False
    whole_is_recent: bool = False


def position(
    session: Session, source_id: int, *, resumed_within: timedelta, whole_within: timedelta
) -> Position:
    """Return how far the listing of a source has come; what is longer ago is not lately."""
    values = {"source": source_id, "resumed": resumed_within, "whole": whole_within}
    row = session.execute(_POSITION, values).one_or_none()
    return Position() if row is None else Position(*row)


def begin_whole(session: Session, source_id: int) -> datetime:
    """Begin a whole listing of a source, at its first key; return when it began."""
    began_at: datetime = session.execute(_BEGIN, {"source": source_id}).scalar_one()
    return began_at


def reach(session: Session, source_id: int, key: str, began_at: datetime | None) -> None:
    """Record that everything up to a key is entered.

    Parameters
    ----------
    began_at
        When the whole listing began that this one is part of, or None. Another one that began
        meanwhile has not come as far, so nothing is recorded.
    """
    session.execute(_REACH, {"source": source_id, "key": key, "began": began_at})


def end(session: Session, source_id: int, began_at: datetime | None) -> None:
    """Record that a listing came to its end, with the whole one that it is part of; see `reach`."""
    session.execute(_END, {"source": source_id, "began": began_at})


_POSITION = text(
    """
    SELECT reached_key, began_at, coalesce(began_at > now() - CAST(:resumed AS interval), false),
        coalesce(whole_at > now() - CAST(:whole AS interval), false)
    FROM listing WHERE source_id = :source
    """
)

_BEGIN = text(
    """
    INSERT INTO listing (source_id, began_at) VALUES (:source, now())
    ON CONFLICT (source_id) DO UPDATE SET reached_key = NULL, began_at = now()
    RETURNING began_at
    """
)

_REACH = text(
    """
    UPDATE listing SET reached_key = :key
    WHERE source_id = :source AND began_at IS NOT DISTINCT FROM CAST(:began AS timestamptz)
    """
)

_END = text(
    """
    UPDATE listing SET whole_at = coalesce(began_at, whole_at), began_at = NULL
    WHERE source_id = :source AND began_at IS NOT DISTINCT FROM CAST(:began AS timestamptz)
    """
)
