"""When a job is due, as Prefect takes it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from prefect.schedules import Cron, Interval, Schedule
from prefect.server.schemas.schedules import CronSchedule

from flows.deployments.plan import Due
from flows.errors import UsageError


async def prefect_schedules(due: Iterable[Due], zone: str) -> list[Schedule]:
    """Return schedules: one for each interval, and for each line of cron in a time zone.

    Raises
    ------
    UsageError
        What is set is no line of cron, or one that never comes due.
    """
    return [await _schedule(entry, zone) for entry in due]


async def _schedule(due: Due, zone: str) -> Schedule:
    match due:
        case timedelta() as interval:
            return Interval(interval)
        case str() as line:
            try:
                schedule = Cron(line, timezone=zone)
            except ValueError:
                raise UsageError(
                    f"{line!r} is no line of cron, such as '0 2 * * *': check --cron, "
                    "SEVERITY_CRON and SEVERITY_SCHEDULES"
                ) from None
            try:
                # As Prefect's server asks, which would stop to schedule anything.
                await CronSchedule(cron=line, timezone=zone).get_dates(1, datetime.now(UTC))
            except ValueError:
                raise UsageError(
                    f"{line!r} never comes due: no month has that day; check --cron, "
                    "SEVERITY_CRON and SEVERITY_SCHEDULES"
                ) from None
            return schedule
