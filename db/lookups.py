"""Who looked at which patient: recorded before a page shows anything, and listed for an audit."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.reading.tables import act_as_reader

LONGEST_NAME = 200
"""Characters of a person's name."""


@dataclass(frozen=True)
class Lookup:
    """A look at a patient: by whom, by which login of the database, and on which page."""

    at: datetime
    patient_key: str
    who: str
    page: str
    login: str


@dataclass(frozen=True)
class LookupFilter:
    """Which lookups to list; all, if nothing is chosen. A patient is meant with all merged ones."""

    patient_key: str | None = None
    who: str | None = None


def record(session: Session, who: str, patient_key: str, *, page: str) -> bool:
    """Record that a person looks at a patient; the rest of this transaction has a reader's rights.

    To be committed before anything is shown, so that nobody sees a patient without a trace.

    Parameters
    ----------
    page
        What is shown, in small letters and blanks, such as ``patient``: never an address.

    Returns
    -------
    Whether there is such a patient; nothing is recorded of one who does not exist.
    """
    session.execute(_WRITE)
    act_as_reader(session)
    values = {"who": who[:LONGEST_NAME], "patient": patient_key, "page": page}
    return bool(session.scalar(_RECORD, values))


def lookups(
    session: Session, chosen: LookupFilter, *, limit: int = 50, offset: int = 0
) -> list[Lookup]:
    """List who looked at whom, the latest first; no reader may."""
    values = {"patient": chosen.patient_key, "who": chosen.who, "limit": limit, "offset": offset}
    return [Lookup(*row) for row in session.execute(_LOOKUPS, values)]


# A login may read only, unless it says otherwise; it can write nothing but this.
_WRITE = text("SET TRANSACTION READ WRITE")

_RECORD = text("SELECT record_lookup(:who, :patient, :page)")

_LOOKUPS = text(
    """
    SELECT at, patient_key, who, page, login
    FROM lookup JOIN patient ON patient.id = patient_id
    WHERE (CAST(:who AS text) IS NULL OR who = :who) AND (
        CAST(:patient AS text) IS NULL OR person_id = (
            SELECT person_id FROM patient WHERE patient_key = :patient
        )
    )
    ORDER BY lookup.id DESC LIMIT :limit OFFSET :offset
    """
)
