"""What a record says, and why it is refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from db.events import Event, EventKind, EventTime, PatientGroup
from flows.events.record import Cells, Naming, Problem, WrongRecord, read_record

NAMING = Naming(lambda patient, issuer: f"p-{patient}@{issuer}", ZoneInfo("Europe/Berlin"), "town")
DRUG = {"patient": "1", "kind": "drug", "label": "x", "start": "2020-03-05"}


def read(**cells):
    return read_record(7, Cells(**DRUG | cells), NAMING)


def test_a_record_has_the_key_in_place_of_the_identifier_and_a_date_stays_a_date():
    record = read(end="2020-03-05", kind="Drug", groups={"arm": "A", "ICU": ""})

    midnight = EventTime(datetime(2020, 3, 4, 23, tzinfo=UTC), is_date=True)
    assert record.event == Event(
        "p-1@town", EventKind.DRUG, "x", midnight, midnight, "Europe/Berlin"
    )
    assert record.groups == (PatientGroup("p-1@town", "arm", "A"),)
    assert record.line == 7
    assert read(issuer="village").patient_key == "p-1@village"


@pytest.mark.parametrize(
    ("start", "hour"),
    [
        ("2020-03-05 14:30", 13),
        ("2020-03-05T14:30:00", 13),
        ("2020-03-05T14:30:00+05:00", 9),
        ("2020-03-05T14:30:00.1234567Z", 14),
    ],
)
def test_a_time_without_an_offset_is_in_the_zone_of_the_site(start, hour):
    time = read(start=start).event.start

    assert not time.is_date
    assert time.at.replace(microsecond=0) == datetime(2020, 3, 5, hour, 30, tzinfo=UTC)


def test_days_since_day_0_are_an_axis_of_their_own_and_whole_ones_are_days():
    event = read(start="", start_day="3", end_day="4.5").event

    assert not event.calendar_known
    assert (event.start.is_date, event.end.is_date) == (True, False)
    assert (event.end.at - event.start.at).total_seconds() == 1.5 * 86400


def test_a_record_of_groups_alone_is_no_event():
    cells = Cells("1", groups={"arm": "A"})

    assert read_record(1, cells, NAMING).event is None


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"patient": ""}, Problem.NO_PATIENT),
        ({"kind": "surgery"}, Problem.WRONG_KIND),
        ({"kind": ""}, Problem.WRONG_KIND),
        ({"label": ""}, Problem.NO_LABEL),
        ({"start": ""}, Problem.NO_START),
        ({"start": "", "end": "2020-03-05"}, Problem.NO_START),
        ({"start": "5.3.2020"}, Problem.WRONG_TIME),
        ({"start": "2020-02-30"}, Problem.WRONG_TIME),
        ({"start": "2020-03"}, Problem.WRONG_TIME),
        ({"start": "0001-01-01"}, Problem.WRONG_TIME),
        ({"start": "2020-03-05", "end": "never"}, Problem.WRONG_TIME),
        ({"end": "9999-12-31T23:59:59Z"}, Problem.WRONG_TIME),  # the year 10000 in Berlin
        ({"start": "", "start_day": "nan"}, Problem.WRONG_TIME),
        ({"start": "", "start_day": "1e9"}, Problem.WRONG_TIME),
        ({"end": "2020-03-04"}, Problem.END_BEFORE_START),
        ({"start": "2020-03-05 10:00", "end": "2020-03-05 09:59"}, Problem.END_BEFORE_START),
        ({"start": "2020-03-06 00:30", "end": "2020-03-05"}, Problem.END_BEFORE_START),
        ({"start": "", "start_day": "4.02", "end_day": "3"}, Problem.END_BEFORE_START),
        ({"start_day": "3"}, Problem.TWO_CALENDARS),
        ({"label": "x" * 201}, Problem.TOO_LONG),
        ({"patient": "x" * 201}, Problem.TOO_LONG),
        ({"label": "a\x00b"}, Problem.CONTROL_CHARACTERS),
        ({"label": "x \u202e"}, Problem.CONTROL_CHARACTERS),
        ({"patient": "4\ufffd"}, Problem.CONTROL_CHARACTERS),
        ({"label": '=HYPERLINK("x")'}, Problem.FORMULA),
        ({"groups": {"arm": "@SUM(A1)"}}, Problem.FORMULA),
    ],
)
def test_a_record_that_cannot_be_imported_says_why_and_names_nobody(cells, problem):
    with pytest.raises(WrongRecord) as error:
        read(**cells)

    assert error.value.problem == problem
    assert str(error.value) == problem.value


def test_a_record_without_event_and_group_is_of_no_use():
    with pytest.raises(WrongRecord, match="nothing"):
        read_record(1, Cells("1"), NAMING)
