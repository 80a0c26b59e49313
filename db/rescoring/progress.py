"""How far requests of rescoring are, by counters that triggers keep."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

State = Literal["enlisting", "waiting", "done", "cancelled"]


@dataclass(frozen=True)
class Rescoring:
    """A request, who made it and when, which images it selects, and what became of them.

    Parameters
    ----------
    is_list
        By a list, of which ``unknown`` entries name no valid image.
    scored, waiting, gone, failed, dropped
        Counts of images: gone are no longer at their source; dropped were withdrawn, superseded or
        forgotten meanwhile, or cancelled.
    before
        Images that had a score by the model version, or waited for another request, already.
    """

    id: int
    model_version: str
    requested_at: datetime
    requested_by: str
    state: State
    first_day: date | None
    last_day: date | None
    is_list: bool
    unknown: int
    cancelled_at: datetime | None
    cancelled_by: str | None
    scored: int
    waiting: int
    gone: int
    failed: int
    dropped: int
    before: int


def rescorings(session: Session, *, only_open: bool = False) -> list[Rescoring]:
    """List the requests, oldest first.

    Parameters
    ----------
    only_open
        Those alone that are neither done nor cancelled.
    """
    rows = [Rescoring(**row) for row in session.execute(_RESCORINGS).mappings()]
    return [row for row in rows if not only_open or row.state in {"enlisting", "waiting"}]


_RESCORINGS = text(
    """
    SELECT id, model_version, requested_at, requested_by, first_day, last_day, is_list, unknown,
        cancelled_at, cancelled_by, scored, waiting, gone, failed, dropped, before,
        CASE
            WHEN cancelled_at IS NOT NULL THEN 'cancelled'
            WHEN NOT is_enlisted THEN 'enlisting'
            WHEN waiting > 0 THEN 'waiting'
            ELSE 'done'
        END AS state
    FROM (
        SELECT rescoring.id, model_version.key AS model_version, requested_at, requested_by,
            first_day, last_day, is_list, unknown, cancelled_at, cancelled_by,
            enlisted_to IS NULL AS is_enlisted,
            coalesce(sum(n) FILTER (WHERE what = 'scored'), 0)::bigint AS scored,
            coalesce(sum(n) FILTER (WHERE what = 'waiting'), 0)::bigint AS waiting,
            coalesce(sum(n) FILTER (WHERE what = 'gone'), 0)::bigint AS gone,
            coalesce(sum(n) FILTER (WHERE what = 'failed'), 0)::bigint AS failed,
            coalesce(sum(n) FILTER (WHERE what = 'dropped'), 0)::bigint AS dropped,
            coalesce(sum(n) FILTER (WHERE what = 'before'), 0)::bigint AS before
        FROM rescoring
        JOIN model_version ON model_version.id = model_version_id
        LEFT JOIN rescoring_count ON rescoring_id = rescoring.id
        GROUP BY rescoring.id, model_version.key
    ) AS counted
    ORDER BY id
    """
)
