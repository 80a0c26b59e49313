"""Deletes what is old and of no further use: who looked at whom, and places whose file is gone."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.lock import lock_ledger
from db.prepared import array_text


def delete_lookups(session: Session, age: timedelta, *, limit: int) -> int:
    """Delete records of who looked at whom that are older; return how many.

    Those of the last year stay, whatever is asked for. A correction records how many went.

    Raises
    ------
    DatabaseError
        The age is less than a year, which the database refuses.
    """
    return int(session.scalar(_DELETE_LOOKUPS, {"age": age, "limit": limit}) or 0)


def delete_gone_places(session: Session, age: timedelta, *, limit: int) -> int:
    """Delete places whose file has been gone for longer, with their names; return how many.

    What became of the file stays, by its hash: if it comes back it is read once more, and scored
    no second time.
    """
    # Before the lock: to look through a million places takes seconds, in which nobody could score.
    places = session.scalars(_GONE_PLACES, {"age": age, "limit": limit}).all()
    if not places:
        return 0
    lock_ledger(session)  # copies among them are counted
    gone = {"places": array_text(list(places)), "age": age}
    return len(session.execute(_DELETE_PLACES, gone).all())


_DELETE_LOOKUPS = text("SELECT expire_lookups(:age, :limit)")

# By where rows lie: an index on the time would be written for each file that goes.
_GONE_PLACES = text(
    "SELECT CAST(ctid AS text) FROM sighting WHERE gone_at < now() - :age LIMIT :limit"
)

# One that came back since lies elsewhere, and there may be another where it lay.
_DELETE_PLACES = text(
    """
    DELETE FROM sighting
    WHERE ctid = ANY (CAST(:places AS tid[])) AND gone_at < now() - :age
    RETURNING id
    """
)
