"""Whether a pass is at work, which rescoring gives way to."""

from sqlalchemy import text
from sqlalchemy.orm import Session


def is_pass_at_work(session: Session) -> bool:
    """Return whether a pass lives that has images waiting, of any source and model version.

    Images that wait while no pass is at work gain nothing from a rescoring that rests.
    """
    return bool(session.scalar(_IS_AT_WORK))


# A backfill scores what is new, as a pass does; a look scores nothing.
_IS_AT_WORK = text(
    """
    SELECT EXISTS (
        SELECT FROM run
        WHERE run.state = 'running' AND run.kind IN ('pass', 'backfill') AND EXISTS (
            SELECT FROM work
            WHERE work.source_id = run.source_id
                AND work.model_version_id = run.model_version_id
                AND work.state = 'waiting' AND work.rescoring_id IS NULL
        )
    )
    """
)
