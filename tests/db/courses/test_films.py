"""The films of persons, as arrays."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from db.reading.courses import course
from severity.domain import TimeSource
from tests.builders.archive import Film, model
from tests.builders.course_archive import CourseArchive, film


def test_images_of_a_day_of_which_one_has_a_date_alone_are_in_no_order(database):
    archive = CourseArchive(database)
    archive.follow(
        film("before", -1.4, 2.0),  # in the morning of the day before
        film("date", -0.5, 6.0, time_source=TimeSource.ACQUISITION_DATE),  # midnight, as stored
        film("afternoon", 0.2, 3.0),
        film("after", 0.6, 3.0),
    )
    before, date, afternoon, after = archive.do(course, "p-1", model().key).images

    assert [image.time_of_day_known for image in (before, date, afternoon)] == [True, False, True]
    assert afternoon.at > date.at
    levels = [image.geographic_extent.level for image in (before, date, afternoon, after)]
    assert levels[1] == levels[2]
    assert len(set(levels)) == 3


@pytest.mark.parametrize(
    ("day", "hours", "same"),
    [
        (date(2020, 3, 29), 22.9, True),  # a day of 23 hours
        (date(2020, 3, 29), 23.1, False),
        (date(2020, 10, 25), 24.9, True),  # a day of 25 hours
        (date(2020, 10, 25), 25.1, False),
        (date(2020, 6, 1), 23.9, True),
        (date(2020, 6, 1), 24.1, False),
    ],
)
def test_a_day_of_which_only_the_date_is_known_ends_when_it_does_there(database, day, hours, same):
    zone = ZoneInfo("Europe/Berlin")
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    archive = CourseArchive(database)
    alone = {"time_source": TimeSource.ACQUISITION_DATE, "zone": str(zone)}
    archive.follow(
        Film("date", at=midnight, extent=6.0, **alone),
        Film("late", at=midnight + timedelta(hours=hours), extent=2.0),
    )
    first, second = archive.do(course, "p-1", model().key).images

    assert (first.geographic_extent.level == second.geographic_extent.level) is same
