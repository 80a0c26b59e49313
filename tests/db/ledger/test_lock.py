"""The ledger's lock is not held while a disk is waited for; the disk is waited for after it."""

from sqlalchemy import text

from db.closing import scores
from db.ledger.lock import await_disk
from tests.builders.scores import scored

# As a site's server is by default; that of the tests need not survive a crash.
WAITING = text("SET LOCAL synchronous_commit = on")
WRITTEN = text("SELECT pg_current_wal_insert_lsn()")


def test_a_closing_does_not_keep_the_lock_while_it_waits_for_the_disk(steps, running):
    steps.enlist("a")
    with running() as run, steps.database.transaction() as session:
        (claim,) = steps.claim(run)
        session.execute(WAITING)
        scores.close(session, steps.queue, run.run_id, [scored(claim.work_id)])
        assert session.scalar(text("SHOW synchronous_commit")) == "off"


def test_what_was_closed_is_on_the_disk_once_that_was_waited_for(steps, running):
    steps.enlist("a")
    with running() as run:
        (claim,) = steps.claim(run)
        steps.close(run, scored(claim.work_id))
        with steps.database.transaction() as session:
            session.execute(WAITING)
            await_disk(session)
            closed_at = session.scalar(WRITTEN)
    with steps.database.transaction() as session:
        assert session.scalar(
            text("SELECT pg_current_wal_flush_lsn() >= CAST(:closed AS pg_lsn)"),
            {"closed": closed_at},
        )
