"""When a job is due, as Prefect takes it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from prefect._vendor.croniter.croniter import CroniterBadDateError, croniter
from prefect.schedules import Cron, Interval, Schedule

from flows.deployments.plan import Due
from flows.errors import UsageError


def prefect_schedules(due: Iterable[Due], zone: str) -> list[Schedule]:
    """Return schedules: one for each interval, and for each line of cron in a time zone.

    Raises
    ------
    UsageError
        What is set is no line of cron, or one that never comes due.
    """
    return [_schedule(entry, zone) for entry in due]


def _schedule(due: Due, zone: str) -> Schedule:
    match due:
        case timedelta() as interval:
            return Interval(interval)
        case str() as line:
            try:
                schedule = Cron(line, timezone=zone)
                # Prefect looks only once it schedules, and then stops to schedule anything.
                croniter(line, datetime.now(UTC)).get_next()  # type: ignore[no-untyped-call] # theirs
            except CroniterBadDateError:
                raise UsageError(
                    f"{line!r} never comes due: no month has that day; check --cron, "
                    "SEVERITY_CRON and SEVERITY_SCHEDULES"
                ) from None
            except ValueError:
                raise UsageError(
                    f"{line!r} is no line of cron, such as '0 2 * * *': check --cron, "
                    "SEVERITY_CRON and SEVERITY_SCHEDULES"
                ) from None
            return schedule
