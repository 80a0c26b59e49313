"""A corrected time zone of a source, and back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from db.attribution import attribute
from db.corrections import ZoneCorrection, correct_time, correct_zone
from db.corrections.zones import may_be_skipped, read_anew, source_id
from db.errors import RefusedCorrection
from severity.domain import TimeSource
from tests.builders.archive import Archive, Film

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
TIMES = "SELECT acquired_at, acquired_zone FROM image ORDER BY image_uid"


def clock(zone, *time):
    """What a file says, as it is read in a zone."""
    return datetime(*time, tzinfo=zone).astimezone(UTC)


def correct(archive, author, old, new):
    return archive.do(correct_zone, author, archive.source_id, old, new)


def test_what_the_clocks_showed_stays_and_the_instants_move(archive, author):
    archive.add(
        Film("january", at=clock(UTC, 2020, 1, 15, 10)),
        Film("july", at=clock(UTC, 2020, 7, 15, 10)),
    )
    before = archive.rows(TIMES)

    assert correct(archive, author, "UTC", "Europe/Berlin") == ZoneCorrection(2, 0)
    assert archive.rows(TIMES) == [
        (clock(BERLIN, 2020, 1, 15, 10), "Europe/Berlin"),
        (clock(BERLIN, 2020, 7, 15, 10), "Europe/Berlin"),
    ]
    assert archive.rows("SELECT zone FROM source") == [("Europe/Berlin",)]

    assert correct(archive, author, "Europe/Berlin", "UTC") == ZoneCorrection(2, 0)
    assert archive.rows(TIMES) == before
    assert archive.rows("SELECT zone FROM source") == [("UTC",)]


def test_what_was_not_assumed_is_left_alone(archive, author):
    archive.add(
        Film("stated", at=clock(UTC, 2020, 1, 15, 10), zone="UTC+00:00"),
        Film("offset", at=clock(UTC, 2020, 1, 15, 10), time_source=TimeSource.SIDECAR_OFFSET),
        Film("undated", at=None, zone=""),
        corrected := Film("corrected", at=clock(UTC, 2020, 1, 15, 10)),
    )
    archive.do(correct_time, author, archive.image(corrected), clock(UTC, 2020, 1, 15, 11))
    before = archive.rows(TIMES)

    assert correct(archive, author, "UTC", "Europe/Berlin") == ZoneCorrection(0, 0)
    assert archive.rows(TIMES) == before


def test_another_source_is_left_alone(database, archive, author):
    archive.add(Film("a"))
    other = Archive(database, "/other")
    other.add(Film("b"))

    correct(other, author, "UTC", "Europe/Berlin")

    zones = archive.rows("SELECT acquired_zone FROM image ORDER BY source_id")
    assert zones == [("UTC",), ("Europe/Berlin",)]


def test_the_hour_that_the_right_clock_shows_twice_is_the_first_as_when_a_file_is_read(
    archive, author
):
    archive.add(Film("autumn", at=clock(UTC, 2020, 10, 25, 2, 30)))

    correct(archive, author, "UTC", "Europe/Berlin")

    assert archive.rows(TIMES)[0][0] == datetime(2020, 10, 25, 0, 30, tzinfo=UTC)


def test_an_hour_that_the_wrong_zone_skipped_is_reported(archive, author):
    archive.add(Film("spring", at=clock(BERLIN, 2020, 3, 29, 2, 30), zone="Europe/Berlin"))

    assert correct(archive, author, "Europe/Berlin", "UTC") == ZoneCorrection(1, 1)


def test_times_that_fall_together_in_the_wrong_zone_come_apart_again(archive, author):
    archive.add(
        Film("at two", at=clock(UTC, 2020, 3, 29, 2, 30)),
        Film("at three", at=clock(UTC, 2020, 3, 29, 3, 30)),
    )
    before = archive.rows(TIMES)

    correct(archive, author, "UTC", "Europe/Berlin")
    first, second = archive.rows(TIMES)
    assert first == second
    correct(archive, author, "Europe/Berlin", "America/New_York")
    assert correct(archive, author, "America/New_York", "UTC") == ZoneCorrection(2, 0)

    assert archive.rows(TIMES) == before


def test_a_film_that_was_scored_meanwhile_is_corrected_by_the_same_command_again(archive, author):
    archive.add(Film("a"))
    correct(archive, author, "UTC", "Europe/Berlin")
    archive.add(Film("b"))

    assert correct(archive, author, "UTC", "Europe/Berlin") == ZoneCorrection(1, 0)


@pytest.mark.parametrize(
    ("old", "new"), [("Asia/Tokyo", "UTC"), ("UTC", "Mars/Phobos"), ("../etc", "UTC")]
)
def test_a_zone_that_is_none_or_was_not_assumed_is_refused(archive, author, old, new):
    archive.add(Film("a"))
    before = archive.rows(TIMES)

    with pytest.raises(RefusedCorrection):
        correct(archive, author, old, new)

    assert archive.rows(TIMES) == before


def test_each_image_and_the_source_have_their_history(archive, author):
    archive.add(Film("a", at=clock(UTC, 2020, 7, 15, 10)))
    correct(archive, author, "UTC", "Europe/Berlin")

    image, source = archive.rows("SELECT who, why, what, before, after FROM correction ORDER BY id")
    assert image[:3] == source[:3] == ("dr.roe", "it was wrong", "zone corrected")
    assert image[3]["acquired_zone"] == "UTC"
    assert image[4]["acquired_zone"] == "Europe/Berlin"
    assert datetime.fromisoformat(image[3]["acquired_at"]) == clock(UTC, 2020, 7, 15, 10)
    assert source[3:] == ({"zone": "UTC", "location": "/inbox"}, {"zone": "Europe/Berlin"})


def test_a_source_is_named_by_its_location(archive):
    assert archive.do(source_id, "/inbox") == archive.source_id
    with pytest.raises(RefusedCorrection, match="known: /inbox"):
        archive.do(source_id, "/inbix")


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
CLOCKS = st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001


@given(CLOCKS, ZONES, ZONES)
def test_reading_anew_is_reading_the_file_in_the_new_zone_but_for_skipped_hours(wall, old, new):
    old, new = ZoneInfo(old), ZoneInfo(new)
    as_read = wall.replace(tzinfo=old).astimezone(UTC)
    expected = wall.replace(tzinfo=new).astimezone(UTC)

    off = abs(read_anew(as_read, old, new) - expected)

    assert not off or (may_be_skipped(as_read, old) and off <= timedelta(hours=2))


def test_a_time_that_a_corrected_file_stated_meanwhile_is_read_anew_and_not_undone(archive, author):
    archive.add(Film("a", at=clock(UTC, 2020, 1, 15, 10)))
    correct(archive, author, "UTC", "Europe/Berlin")
    # As closing does, when the same image comes with another record under the same key.
    with archive.database.transaction() as session:
        attribute(session, who="run 1", what="superseded", why="another record")
        at = clock(BERLIN, 2020, 1, 20, 15)
        session.execute(text("UPDATE image SET acquired_at = :at"), {"at": at})

    correct(archive, author, "Europe/Berlin", "UTC")

    assert archive.rows(TIMES) == [(clock(UTC, 2020, 1, 20, 15), "UTC")]
