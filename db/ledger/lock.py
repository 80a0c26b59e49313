"""The lock of the ledger: whoever changes what it counts takes turns."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.prepared import Prepared

_LEDGER = 7_205_991_846_306_021_002  # an arbitrary constant of this project


def lock_ledger(session: Session) -> None:
    """Wait until no other transaction writes the ledger, and keep others out until this one ends.

    Enlisting, closing, releasing and correcting take turns; claiming does not, since it changes no
    count. Otherwise two of them would wait for each other's rows and counters, and neither of two
    batches with the same image could know what the other is still writing.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LEDGER})


def commit_early(session: Session) -> None:
    """Let this transaction commit before it is on the disk; call `await_disk` after it.

    Whoever holds the ledger's lock would otherwise let all others wait for its disk. What another
    transaction builds on such a commit never outlives it: the log is written in order.
    """
    _COMMIT_EARLY.execute(session, {})


def await_disk(session: Session) -> None:
    """Let all that was committed before be on the disk when this transaction has committed.

    It writes a few bytes into the log and changes nothing, so that its commit is waited for as the
    site has set it; without the ledger's lock, and for many at once.
    """
    # A transaction that only takes a number commits without waiting.
    _WRITE_LOG.execute(session, {})


_COMMIT_EARLY = Prepared("SELECT set_config('synchronous_commit', 'off', true)")
_WRITE_LOG = Prepared("SELECT pg_logical_emit_message(true, 'cxr-severity', '')")
