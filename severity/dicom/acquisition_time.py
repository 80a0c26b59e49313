"""The acquisition time of a DICOM image."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from pydicom import Dataset

from severity.dicom.attributes import first_text
from severity.domain import STATED_UTC, Acquired, TimeSource

_SOURCES = (
    (TimeSource.ACQUISITION, "Acquisition"),
    (TimeSource.CONTENT, "Content"),
    (TimeSource.SERIES, "Series"),
    (TimeSource.STUDY, "Study"),
)
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})", re.ASCII)  # a dot: ACR-NEMA, PS3.5, 6.2
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.(\d{1,6}))?", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})", re.ASCII)
_DATE_LENGTH, _OFFSET_LENGTH = 8, 5


def acquired(dataset: Dataset, zone: tzinfo) -> Acquired:
    """Find the time of acquisition in the first source that has a valid date.

    A date without a readable time of day counts from midnight. The time at which a system
    stored the image is never used.

    Parameters
    ----------
    zone
        Assumed where neither the value nor Timezone Offset From UTC (0008,0201) states one.
    """
    zone = _offset(first_text(dataset, "TimezoneOffsetFromUTC")) or zone
    text = first_text(dataset, "AcquisitionDateTime")
    date, time = text[:_DATE_LENGTH], re.split(r"[+-]", text[_DATE_LENGTH:])[0]
    own_zone = _offset(text[-_OFFSET_LENGTH:]) or zone
    if at := _instant(date, time, own_zone):
        return Acquired(at, TimeSource.ACQUISITION_DATETIME, str(own_zone))
    for source, name in _SOURCES:
        date, time = first_text(dataset, f"{name}Date"), first_text(dataset, f"{name}Time")
        if at := _instant(date, time, zone):
            return Acquired(at, source, str(zone))
    return Acquired(None, TimeSource.UNKNOWN, "")


def _offset(text: str) -> tzinfo | None:
    match = _OFFSET.fullmatch(text)
    if not match:
        return None
    sign, hours, minutes = match.groups()
    length = timedelta(hours=int(hours), minutes=int(minutes))
    if not length:
        return timezone(length, STATED_UTC)  # by its own name it would look assumed
    return timezone(length if sign == "+" else -length) if length < timedelta(days=1) else None


def _instant(date: str, time: str, zone: tzinfo) -> datetime | None:
    """Read a date and a time of day; None where it is not a date that exists."""
    date_match, time_match = _DATE.fullmatch(date), _TIME.fullmatch(time)
    if not date_match:
        return None
    year, month, day = (int(part) for part in date_match.groups())
    hour, minute, second, fraction = time_match.groups("0") if time_match else ("0",) * 4
    try:
        return datetime(
            year,
            month,
            day,
            int(hour),
            int(minute),
            min(int(second), 59),  # 60 is allowed: a leap second
            int(fraction.ljust(6, "0")),
            tzinfo=zone,
        ).astimezone(UTC)
    except (ValueError, OverflowError):  # 31 February, or year 1 east of Greenwich
        return None
