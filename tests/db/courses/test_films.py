"""The films of persons, as arrays."""

from db.reading.courses import course
from severity.domain import TimeSource
from tests.builders.archive import model
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
