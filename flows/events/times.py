"""The times of treatments: ISO 8601 dates and times, and days since a patient's day 0."""

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo

from db.events import EventTime
from severity.vocabulary.numbers import parse_number
from severity.vocabulary.times import DAY_ZERO, local_date

_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?"
_STATED = re.compile(f"{_DATE}({_TIME})?", re.ASCII)
_LONGEST = 40  # characters of a time
_FARTHEST_DAYS = 36_525


class WrongTime(ValueError):
    """It is no ISO 8601 date or time, or no such day exists."""


def stated(text: str, zone: tzinfo) -> EventTime:
    """Read a date, or a date and a time with or without an offset.

    Parameters
    ----------
    zone
        Whose day a date is, and what a time without an offset is read in.

    Raises
    ------
    WrongTime
        It is neither, such as 5.3.2020, or no such day exists.
    """
    match = _STATED.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise WrongTime
    try:
        time = datetime.fromisoformat(text.replace(",", "."))
        at = (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
        at.astimezone(zone)  # in which it is shown
    except (ValueError, OverflowError):  # 31 February; year 1 or 10000 in UTC or in the zone
        raise WrongTime from None
    return EventTime(at, is_date=match[1] is None)


def day_of(text: str) -> EventTime:
    """Read days since the patient's day 0, as a sidecar's ``offset_days`` states them.

    A whole number is a day, of which the time is not known.

    Raises
    ------
    WrongTime
        It is no number, or beyond a hundred years.
    """
    try:
        days = parse_number(text)
    except ValueError:
        days = math.nan
    if not abs(days) <= _FARTHEST_DAYS:
        raise WrongTime
    at = DAY_ZERO + timedelta(days=days)
    return EventTime(at, is_date=days.is_integer())


def may_end(start: EventTime, end: EventTime, zone: str) -> bool:
    """Whether an event that starts then may end then.

    Where only the date of its end is known, also by a time of that day.

    Parameters
    ----------
    zone
        The name of the time zone whose days dates are.
    """
    if end.is_date:
        return local_date(start.at, zone) <= local_date(end.at, zone)
    return start.at <= end.at
