"""Dates, times of day and offsets from UTC, as DICOM senders and spreadsheets write them.

What can be read is kept, what cannot is not replaced: a date without a readable time of day has
none. The tables in ``docs/films.md`` list the forms.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from severity.domain import STATED_UTC

PLACEHOLDERS = frozenset({date(1904, 1, 1), date(1970, 1, 1), date(1980, 1, 1)})
"""Days on which clocks of programs and devices begin: nobody took a digital film on them."""

DAY_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for a patient's day 0 where only offsets in days are known, not the calendar."""

EARLIEST_YEAR, LATEST_YEAR = 1901, 9998
"""Years outside are placeholders (0001, 1601, 1858, 1899, 1900, 9999). Later ones than this are
not: de-identified collections shift dates by centuries."""

DATE_FORMS = {
    "YYYYMMDD": re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})", re.ASCII),
    "YYYY-M-D": re.compile(
        r"(?P<year>\d{4})\s*[-./ ]\s*(?P<month>\d{1,2})\s*[-./ ]\s*(?P<day>\d{1,2})(?!\d)",
        re.ASCII,
    ),
    "D.M.YYYY": re.compile(
        r"(?P<day>\d{1,2})\s*\.\s*(?P<month>\d{1,2})\s*\.\s*(?P<year>\d{4})(?!\d)", re.ASCII
    ),
}
"""The forms of a date, tried in this order; what follows may be a time of day."""

TIME_FORMS = {
    "H:M[:S[.F]]": re.compile(
        r"(?P<hour>\d{1,2}):(?P<minute>\d{2}|\d\b)"
        r"(?::(?P<second>\d{2}|\d\b)(?:[.,](?P<fraction>\d*))?)?(?!\d)",
        re.ASCII,
    ),
    "HH-MM[-SS[.F]]": re.compile(
        r"(?P<hour>\d{2})(?P<between>[.h -])(?P<minute>\d{2})"
        r"(?:(?P=between)(?P<second>\d{2})(?:[.,](?P<fraction>\d*))?)?(?![\d:])",
        re.ASCII,
    ),
    "HHMMSS[.F]": re.compile(
        r"(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})[.,]?(?P<fraction>\d*)", re.ASCII
    ),
    "HMMSS[.F]": re.compile(
        r"(?P<hour>\d)(?P<minute>\d{2})(?P<second>\d{2})(?:[.,](?P<fraction>\d*))?(?!\d)", re.ASCII
    ),
    "HHMM": re.compile(r"(?P<hour>\d{2})(?P<minute>\d{2})(?!\d)", re.ASCII),
    "HH": re.compile(r"(?P<hour>\d{2})(?=\s*(?:$|Z$|[+-]\d{2}:?\d{2}$))", re.ASCII),
}
"""The forms of a time of day, tried in this order. Shorter numbers have more than one meaning."""

_LONG_NUMBER = re.compile(r"\d{8}", re.ASCII)  # more digits than a time has without its fraction
_HALF_OF_DAY = re.compile(r"\s*([AP])\.?\s?M\b\.?", re.IGNORECASE)
_OFFSET = re.compile(r"([+-])(\d{2})(?::?(\d{2}))?", re.ASCII)
_OWN_OFFSET = re.compile(
    r"\s*(?:([+-]\d{2}(?::?\d{2})?)|(Z|UTC|GMT))\s*$", re.ASCII | re.IGNORECASE
)
_EASTMOST, _WESTMOST = timedelta(hours=14), timedelta(hours=-12)  # PS3.5, 6.2, VR DT
_NOON = 12


@dataclass(frozen=True)
class TimeOfDay:
    """What a clock showed, and the zone that was written with it, if one was."""

    clock: time
    zone: tzinfo | None = None


@dataclass(frozen=True)
class Moment:
    """A date, and the time of day if it is known; ``zone`` is what was written with either."""

    day: date
    clock: time | None = None
    zone: tzinfo | None = None

    def __str__(self) -> str:
        return " ".join(map(str, filter(None, (self.day, self.clock, self.zone))))

    def instant(self, assumed: tzinfo) -> datetime | None:
        """Return the time in UTC, midnight of the day if only that is known; None beyond years."""
        local = datetime.combine(self.day, self.clock or time(), self.zone or assumed)
        try:
            return local.astimezone(UTC)
        except OverflowError:
            return None


def read_moment(date_text: str, time_text: str = "") -> Moment | None:
    """Read a date with its time of day, together or apart; None without a date that exists.

    A time of day in ``time_text`` goes before one that follows the date.
    """
    dated = _read_date(date_text)
    if dated is None:
        return None
    day, rest = dated
    shown = read_time(time_text, day=day) or read_time(rest)
    if shown is None:
        return Moment(day, zone=_own_offset(rest))
    return Moment(day, shown.clock, shown.zone)


def read_time(text: str, *, day: date | None = None) -> TimeOfDay | None:
    """Read a time of day: at least its hour and minute, or a whole hour; None if it has neither.

    Parameters
    ----------
    day
        A date that some senders repeat before the time.
    """
    bare = _without_date(text.strip().lstrip("T").strip(), day)
    for form in TIME_FORMS.values():
        if (match := form.match(bare)) and (clock := _clock(match, bare[match.end() :])):
            return TimeOfDay(clock, _own_offset(bare[match.end() :]))
    return None


def read_offset(text: str) -> tzinfo | None:
    """Read an offset from UTC such as ``+0100``, ``+01:00`` or ``Z``; None if it is none."""
    if text.strip().upper() in {"Z", "UTC", "GMT"}:
        return timezone(timedelta(0), STATED_UTC)
    match = _OFFSET.fullmatch(text.strip())
    if not match:
        return None
    sign, hours, minutes = match.groups("0")
    length = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
    if not length:
        return timezone(length, STATED_UTC)  # by its own name it would look assumed
    return timezone(length) if _WESTMOST <= length <= _EASTMOST and int(minutes) < 60 else None  # noqa: PLR2004


def local_time(at: datetime, zone: str) -> datetime:
    """Return a time in a zone, by the zone's name as `Acquired.zone` has it; else in UTC."""
    offset = read_offset(zone.removeprefix("UTC")) if zone.startswith("UTC") else None
    try:
        return at.astimezone(offset or ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return at.astimezone(UTC)


def local_date(at: datetime, zone: str) -> date:
    """Return the date of a time in a zone, by the zone's name as `Acquired.zone` has it."""
    return local_time(at, zone).date()


def next_midnight(at: datetime, zone: str) -> datetime:
    """Return when the next date begins in a zone, as in `local_time`: in 23 to 25 hours."""
    local = local_time(at, zone)
    return datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=local.tzinfo)


def local_text(at: datetime, zone: str, *, time_of_day_known: bool) -> str:
    """Return a time to the minute, in a zone as in `local_time`; the date where it has no more."""
    local = local_time(at, zone)
    return f"{local:%Y-%m-%d %H:%M}" if time_of_day_known else local.date().isoformat()


def _read_date(text: str) -> tuple[date, str] | None:
    """Return a date that exists and is no placeholder, and what follows it."""
    text = text.strip()
    for form in DATE_FORMS.values():
        match = form.match(text)
        if match is None:
            continue
        try:
            day = date(int(match["year"]), int(match["month"]), int(match["day"]))
        except ValueError:  # 31 February
            continue
        if EARLIEST_YEAR <= day.year <= LATEST_YEAR and day not in PLACEHOLDERS:
            return day, text[match.end() :]
    return None


def _without_date(text: str, day: date | None) -> str:
    """Return a time without the date before it; empty if that is another date."""
    if not _LONG_NUMBER.match(text):
        return text
    repeated = _read_date(text)
    if repeated is None:
        return text
    return repeated[1].strip().lstrip("T").strip() if repeated[0] == day else ""


def _clock(match: re.Match[str], rest: str) -> time | None:
    """Return the time of a match, without seconds that do not exist; None if it is no time."""
    parts = {"minute": "0", "second": "0", "fraction": ""} | match.groupdict("0")
    hour, second, fraction = int(parts["hour"]), int(parts["second"]), parts["fraction"]
    half = _HALF_OF_DAY.match(rest)
    if half and 1 <= hour <= _NOON:
        hour = hour % _NOON + (_NOON if half[1] in "Pp" else 0)
    try:
        if second > 60:  # noqa: PLR2004 - 60 is allowed: a leap second
            return time(hour, int(parts["minute"]))
        return time(hour, int(parts["minute"]), min(second, 59), int(f"{fraction:0<6.6}"))
    except ValueError:
        return None


def _own_offset(rest: str) -> tzinfo | None:
    match = _OWN_OFFSET.search(rest)
    return read_offset(match[1] or match[2]) if match else None
