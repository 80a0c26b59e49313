"""The task at the end of a pass: it counts the new films, and draws the charts once a night."""

import asyncio
from datetime import UTC, datetime, timedelta

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from db.drift import count_due, reports, store_report
from db.engine import Database
from flows.drift.drawing import SiteDrift, draw
from flows.drift.text import finding_plain, finding_text
from flows.errors import quoting_nothing
from flows.resources import current

_DRAWN_EACH = timedelta(hours=20)  # once a night, also if one night's pass is early
_PORTION = 5_000


@task(name="watch-drift", cache_policy=NO_CACHE, persist_result=False)
@quoting_nothing
async def watch_drift(model_version: str) -> None:
    """Count what is due, and draw the charts of a model version once a night; log an alarm."""
    drift = await asyncio.to_thread(watch, current().open_database(), model_version)
    if drift is not None and drift.finding is not None:
        get_run_logger().warning("%s", finding_text(drift))


def watch(
    database: Database, model_version: str, *, drawn_each: timedelta = _DRAWN_EACH
) -> SiteDrift | None:
    """Count what is due; return and store what the charts say, or None if they are recent."""
    while _count_portion(database) == _PORTION:
        pass
    with database.transaction() as session:
        drawn = {report.model_version: report.drawn_at for report in reports(session)}
        last = drawn.get(model_version)
        if last is not None and datetime.now(UTC) - last < drawn_each:
            return None
        drift = draw(session, model_version)
        store_report(session, model_version, finding_plain(drift))
    return drift


def _count_portion(database: Database) -> int:
    with database.transaction() as session:
        return count_due(session, portion=_PORTION)
