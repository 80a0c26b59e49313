"""Dates and times as senders write them: what can be read is kept, what cannot is not invented."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from severity.vocabulary.times import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    PLACEHOLDERS,
    local_date,
    read_moment,
    read_offset,
    read_time,
)

DAYS = st.dates(date(EARLIEST_YEAR, 1, 1), date(LATEST_YEAR, 12, 31)).filter(
    lambda day: day not in PLACEHOLDERS
)
CLOCKS = st.times().map(lambda clock: clock.replace(fold=0))
OFFSETS = st.integers(-12 * 60, 14 * 60)
DAY = date(2023, 4, 5)


def written(day: date) -> list[str]:
    year, month, number = f"{day.year:04}", day.month, day.day
    return [
        f"{year}{month:02}{number:02}",
        f"{year}-{month:02}-{number:02}",
        f"{year}.{month:02}.{number:02}",
        f"{year}/{month}/{number}",
        f" {year}-{month}-{number} ",
        f"{number:02}.{month:02}.{year}",
        f"{number}.{month}.{year}",
    ]


def clock_forms(clock: time) -> list[str]:
    hour, minute, second = clock.hour, clock.minute, clock.second
    fraction = f"{clock.microsecond:06}"
    return [
        f"{hour:02}{minute:02}{second:02}.{fraction}",
        f"{hour:02}{minute:02}{second:02}.{fraction}789",
        f"{hour:02}{minute:02}{second:02},{fraction}",
        f"{hour:02}:{minute:02}:{second:02}.{fraction}",
        f"{hour}:{minute}:{second}.{fraction}",
        f"{hour:02}-{minute:02}-{second:02}.{fraction}",
        f"{hour:02} {minute:02} {second:02}.{fraction}",
        f"{hour:02}.{minute:02}.{second:02}.{fraction}",
        f"{(hour - 1) % 12 + 1}:{minute:02}:{second:02}.{fraction} {'AM' if hour < 12 else 'pm'}",
    ]


def offset_forms(minutes: int) -> list[str]:
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    return [f"{sign}{hours:02}{rest:02}", f"{sign}{hours:02}:{rest:02}"]


@given(day=DAYS, clock=CLOCKS)
def test_a_date_and_a_time_are_read_in_every_form_that_senders_write(day, clock):
    for date_text in written(day):
        for time_text in clock_forms(clock):
            moment = read_moment(date_text, time_text)
            assert moment is not None, (date_text, time_text)
            assert (moment.day, moment.clock, moment.zone) == (day, clock, None), time_text


@given(day=DAYS, clock=CLOCKS, minutes=OFFSETS)
def test_an_offset_is_read_wherever_it_is_written(day, clock, minutes):
    compact = f"{day:%Y%m%d}".zfill(8)
    zone = timezone(timedelta(minutes=minutes))
    for offset in offset_forms(minutes):
        assert read_offset(offset).utcoffset(None) == zone.utcoffset(None)
        for texts in (
            (f"{compact}{clock:%H%M%S}{offset}",),
            (f"{day.isoformat()}T{clock:%H:%M:%S}{offset}",),
            (f"{day.isoformat()} {clock:%H:%M:%S} {offset}",),
            (compact, f"{clock:%H%M%S}{offset}"),
            (compact, f"{clock:%H:%M}{offset}"),
            (f"{compact}{offset}", f"{clock:%H%M%S}"),
        ):
            moment = read_moment(*texts)
            assert moment.day == day
            assert moment.clock.replace(second=0) == clock.replace(second=0, microsecond=0)
            if texts[-1].endswith(offset):
                assert moment.zone.utcoffset(None) == zone.utcoffset(None), texts


@given(day=DAYS, clock=CLOCKS)
def test_a_date_that_is_repeated_before_the_time_is_no_part_of_it(day, clock):
    compact = f"{day:%Y%m%d}".zfill(8)

    assert read_moment(compact, f"{compact}{clock:%H%M%S}").clock == clock.replace(microsecond=0)
    assert read_moment(f"{compact}{clock:%H%M%S}").clock == clock.replace(microsecond=0)


@given(st.text(max_size=24), st.text(max_size=24))
def test_no_text_is_read_as_midnight_unless_it_says_so(date_text, time_text):
    moment = read_moment(date_text, time_text)
    if moment is not None and moment.clock == time():
        zeros = [sign for sign in date_text + time_text if sign == "0"]
        assert len(zeros) >= 2 or "12" in time_text + date_text


@given(day=DAYS, hour=st.integers(24, 99), minute=st.integers(60, 99), rest=st.integers(0, 59))
def test_digits_that_are_no_time_leave_the_date_alone(day, hour, minute, rest):
    for text in (
        f"{hour}{rest:02}{rest:02}",
        f"12{minute}{rest:02}",
        f"{hour}:{rest:02}",
        f"12:{minute}",
    ):
        moment = read_moment(f"{day:%Y%m%d}".zfill(8), text)
        assert moment.day == day
        assert moment.clock is None, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("093015", time(9, 30, 15)),
        ("93015", time(9, 30, 15)),
        ("93015.25", time(9, 30, 15, 250_000)),
        ("0930", time(9, 30)),
        ("09", time(9)),
        ("9:30", time(9, 30)),
        ("9:5:3", time(9, 5, 3)),
        ("12:05 am", time(0, 5)),
        ("12:05 p.m.", time(12, 5)),
        ("03:15 p. m.", time(15, 15)),
        ("03:15\u00a0p.\u00a0m.", time(15, 15)),
        ("03:15 a. m.", time(3, 15)),
        ("235960", time(23, 59, 59)),
        ("093075", time(9, 30)),  # the seconds are lost, not the minute
        ("0930xx", time(9, 30)),
        ("09301512", time(9, 30, 15, 120_000)),
        ("240000", None),
        ("930", None),  # 9:30, or 0:09:30 without its zeros
        ("9", None),
        ("09xx", None),
        ("20230406", None),  # another date, not 20:23:04
        ("noon", None),
        ("", None),
    ],
)
def test_a_time_of_day_may_be_short_and_is_kept_as_far_as_it_is_sure(text, expected):
    shown = read_time(text, day=DAY)

    assert (shown.clock if shown else None) == expected


@pytest.mark.parametrize(
    "text",
    [
        "19000101", "1900-06-01", "00010101", "18581117", "18991230", "16010101", "99991231",
        "19700101", "19800101", "19040101", "20230231", "20231301", "2023", "202304", "230405",
        "05/04/2023", "UNKNOWN", "0", "",
    ],
)  # fmt: skip
def test_placeholders_and_what_has_two_meanings_are_no_date(text):
    assert read_moment(text, "101112") is None


def test_a_date_that_was_shifted_by_centuries_is_a_date():
    assert read_moment("21840405").day == date(2184, 4, 5)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2023-05-12 10:15:30+00", "2023-05-12T10:15:30"),
        ("2023-05-12 10:15:30.5+02", "2023-05-12T08:15:30.500000"),
        ("2023-05-12T10-05:00", "2023-05-12T15:00:00"),
        ("2023051210-0500", "2023-05-12T15:00:00"),
        ("20230512101500+01", "2023-05-12T09:15:00"),
        ("2023-05-12T10-15-30", "2023-05-12T14:15:30"),  # no offset: the zone of the site
    ],
)
def test_an_offset_of_hours_alone_is_one_too(text, utc):
    """As PostgreSQL prints times, and ISO 8601 allows."""
    instant = read_moment(text).instant(ZoneInfo("America/New_York"))

    assert instant == datetime.fromisoformat(f"{utc}+00:00")


@pytest.mark.parametrize("text", ["+2500", "+1430", "-1300", "+0160", "Berlin", "0100", "1", ""])
def test_what_is_no_offset_on_earth_is_none(text):
    assert read_offset(text) is None


@given(day=DAYS, clock=CLOCKS, minutes=OFFSETS)
def test_the_instant_is_that_of_the_written_zone(day, clock, minutes):
    assume(2 < day.year < 9990)
    zone = timezone(timedelta(minutes=minutes))
    moment = read_moment(day.isoformat(), clock.isoformat())

    assert moment.instant(zone) == datetime.combine(day, clock, zone).astimezone(UTC)


@given(day=DAYS.filter(lambda day: 2 < day.year < 9990), minutes=OFFSETS)
def test_a_date_alone_is_shown_as_it_was_written(day, minutes):
    zone = timezone(timedelta(minutes=minutes))

    assert local_date(read_moment(day.isoformat()).instant(zone), str(zone)) == day


def test_a_date_alone_is_shown_in_a_zone_by_name_and_in_utc_where_that_is_not_known():
    at = datetime(2020, 3, 31, 22, tzinfo=UTC)

    assert local_date(at, "Europe/Berlin") == date(2020, 4, 1)
    assert local_date(at, "Old/Name") == date(2020, 3, 31)
