"""Times as a page shows them: in the zone of the site."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fastapi import Request

from flows.dashboard.request import resources_of
from severity.vocabulary.times import local_date

Clock = Callable[[datetime], str]


def clock_of(request: Request) -> Clock:
    """Return how a page writes a time: to the minute, in the zone of the site."""
    zone = resources_of(request).settings.zone
    return lambda at: f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def days_since(
    at: datetime, zone: str, *, calendar_known: bool, now: datetime | None = None
) -> int | None:
    """Return how many days ago a film was taken, by the calendar of where it was: 0 is today.

    None where only the number of its day is known.
    """
    today = local_date(now or datetime.now(UTC), zone)
    return (today - local_date(at, zone)).days if calendar_known else None


def elapsed(since: datetime, now: datetime | None = None) -> str:
    """Return how long ago something was, in days, hours or minutes."""
    gone = (now or datetime.now(UTC)) - since
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if gone >= 2 * length:
            return f"{gone // length} {unit}s"
    minutes = max(0, gone // timedelta(minutes=1))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
