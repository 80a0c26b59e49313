"""The lock of the ledger: whoever changes what it counts takes turns."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_LEDGER = 7_205_991_846_306_021_002  # an arbitrary constant of this project


def lock_ledger(session: Session) -> None:
    """Wait until no other transaction writes the ledger, and keep others out until this one ends.

    Enlisting, closing, releasing and correcting take turns; claiming does not, since it changes no
    count. Otherwise two of them would wait for each other's rows and counters, and neither of two
    batches with the same image could know what the other is still writing.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LEDGER})
