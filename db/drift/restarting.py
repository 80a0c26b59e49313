"""From which night on the charts of a site learn: a change that was meant is no alarm for good."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin


@dataclass(frozen=True)
class Restart:
    """A person's decision that charts learn from the night of a day on."""

    day: date
    who: str
    why: str
    at: datetime


def restart(session: Session, author: Author, day: date | None) -> bool:
    """Let the charts of all devices and model versions learn from a night on.

    What was counted of earlier nights is kept: ``None`` brings it back. What the charts said last
    is forgotten, so that the next pass draws them anew.

    Parameters
    ----------
    day
        A day of acquisition in UTC.

    Returns
    -------
    Whether that changed anything.
    """
    begin(session, author, "drift restarted")
    changed = bool(session.execute(_RESTART, {"day": day}).all())
    if changed:
        session.execute(text("DELETE FROM drift_report"))
    return changed


def last_restart(session: Session) -> Restart | None:
    """Return the last decision; None where charts learn from the first night that was counted."""
    row = session.execute(_LAST).one_or_none()
    return Restart(*row) if row is not None and row.day is not None else None


_RESTART = text("UPDATE drift_start SET day = :day WHERE day IS DISTINCT FROM :day RETURNING 1")

_LAST = text("SELECT day, who, why, at FROM drift_restarts ORDER BY at DESC LIMIT 1")
