"""A patient's course, as it is read."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from db.corrections import Author, merge, withdraw
from db.engine import Database
from db.reading import courses, trends
from db.reading.courses import Course
from flows.courses.update import update_courses
from severity.domain import TimeSource, Verdict
from tests.builders.archive import Archive, model
from tests.builders.course_archive import EXACT, CourseArchive, film
from tests.builders.rows_read import rows_read

AUTHOR = Author("dr.roe", "it was wrong")


@pytest.fixture
def archive(database: Database) -> CourseArchive:
    return CourseArchive(database)


def read(archive: Archive, patient: str = "p-1", by: str = "v1") -> Course:
    with archive.database.transaction() as session:
        return courses.course(session, patient, model(by).key)


def test_each_image_has_its_level_and_what_is_said_of_it(archive: CourseArchive) -> None:
    archive.follow(film("a", 0, 2.0), film("b", 2, 6.0), film("c", 4, 2.0))
    first, worse, back = read(archive).images

    assert (first.is_baseline, first.geographic_extent.verdict) == (True, None)
    assert worse.geographic_extent.points == 6.0
    assert worse.geographic_extent.level is not None
    assert worse.geographic_extent.level.level == pytest.approx(5.9, abs=0.1)
    assert worse.geographic_extent.level.low < 5.9 < worse.geographic_extent.level.high
    assert worse.geographic_extent.verdict is Verdict.WORSE
    assert worse.geographic_extent.worse == pytest.approx(1.0, abs=0.01)
    assert back.geographic_extent.verdict is Verdict.UNCHANGED
    assert back.opacity.verdict is Verdict.UNCHANGED
    assert [image.days for image in (first, worse, back)] == [0, 2, 4]


def test_a_course_names_its_parameter_set_and_the_margins(archive: CourseArchive) -> None:
    archive.follow(film("a", 0))
    course = read(archive)

    assert (course.parameters, course.origin) == (EXACT.sha256, "site")
    assert (course.margins.geographic_extent, course.margins.opacity) == (1.3, 1.3)


def test_episodes_are_numbered_and_have_baselines_of_their_own(archive: CourseArchive) -> None:
    archive.follow(film("a", 0), film("b", 3), film("c", 300))

    assert [(image.episode, image.days, image.is_baseline) for image in read(archive).images] == [
        (1, 0, True),
        (1, 3, False),
        (2, 0, True),
    ]


def test_days_without_a_date_come_after_those_with_one(archive: CourseArchive) -> None:
    days = replace(film("a", 0), time_source=TimeSource.SIDECAR_OFFSET)
    archive.follow(days, film("b", 3))

    assert [image.calendar_known for image in read(archive).images] == [True, False]


def test_the_course_of_a_merged_patient_is_that_of_the_other(archive: CourseArchive) -> None:
    archive.follow(film("a", 0, patient="p-1"), film("b", 3, patient="p-2"))
    archive.do(merge, AUTHOR, "p-1", "p-2")
    archive.follow()

    assert read(archive, "p-1") == read(archive, "p-2")
    assert read(archive, "p-1").patient_key == "p-2"
    assert len(read(archive, "p-1").images) == 2


def test_a_withdrawn_image_is_gone_at_once(archive: CourseArchive) -> None:
    archive.follow(film("a", 0), film("b", 3))
    image = read(archive).images[0].image_id
    archive.do(withdraw, AUTHOR, image)

    assert [left.image_id for left in read(archive).images] != [image]
    assert len(read(archive).images) == 1


def test_undated_images_and_other_versions_are_told(archive: CourseArchive) -> None:
    archive.add(film("a", 0), by="v2")
    archive.follow(film("a", 0), replace(film("b", 0), at=None))
    course = read(archive)

    assert course.undated == 1
    assert course.other_versions == (model("v2").key,)


def test_events_come_with_their_responses(archive: CourseArchive) -> None:
    archive.follow(film("a", 0, 6.0), film("b", 2, 6.0), film("c", 5, 2.0))
    archive.treat("steroid", 2.5, 9)
    archive.treat("other", 3, patient="p-1")
    event, _ = read(archive).events
    by_day = {response.day: response for response in event.geographic_extent}

    assert (event.kind, event.label, event.start) == ("drug", "steroid", "2020-03-04T00:00:00Z")
    assert event.ends_at is not None
    assert list(by_day) == [0, 1, 3, 7, 14]
    assert by_day[0].change is None
    assert by_day[3].change is not None
    assert by_day[3].change.level < -1.3
    assert by_day[3].better is not None
    assert by_day[3].better > 0.9
    assert [response.is_extrapolated for response in event.opacity] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_an_event_that_no_episode_reaches_has_no_response(archive: CourseArchive) -> None:
    archive.follow(film("a", 0))
    archive.treat("steroid", 900)

    assert [event.geographic_extent for event in read(archive).events] == [()]


def test_without_a_parameter_set_no_course_is_kept(archive: CourseArchive) -> None:
    archive.add(film("a", 0), by="v2")

    assert read(archive, by="v2").images == ()
    assert read(archive, by="v2").parameters == ""


def test_an_unknown_model_version_is_refused(archive: CourseArchive) -> None:
    with pytest.raises(LookupError, match="v7"):
        read(archive, by="v7")


def test_the_images_of_a_trend_are_a_course_without_levels(archive: CourseArchive) -> None:
    archive.follow(film("a", 0, 2.0), film("b", 2, 6.0))
    with archive.database.transaction() as session:
        trend = trends.trend(session, "p-1", model().key)
    course = courses.of_trend(trend)

    assert [image.geographic_extent.points for image in course.images] == [2.0, 6.0]
    assert {image.geographic_extent.level for image in course.images} == {None}
    assert course.parameters == ""


def test_a_course_is_due_from_a_change_until_it_is_computed(archive: CourseArchive) -> None:
    first = film("a", 0)
    archive.add(first, film("b", 2), film("of another", 0, patient="p-2"))

    def due() -> list[bool]:
        return [read(archive, patient).is_due for patient in ("p-1", "p-2")]

    assert due() == [True, True]  # scored, and not computed
    update_courses(archive.database)
    assert due() == [False, False]

    archive.do(withdraw, AUTHOR, archive.image(first))
    assert due() == [True, False]
    update_courses(archive.database)
    archive.do(merge, AUTHOR, "p-2", "p-1")
    assert due() == [True, True]  # now the same person's
    update_courses(archive.database)
    assert due() == [False, False]


def test_a_course_reads_few_rows_while_everybody_is_due(archive: CourseArchive) -> None:
    archive.follow(film("first", 0), film("second", 1))
    values = {"model": archive.queue().model_version_id}
    with archive.database.transaction() as session:
        for column in ("person_id", "image_id"):
            session.execute(
                text(
                    f"INSERT INTO course_due ({column}, model_version_id)"  # noqa: S608
                    " SELECT n + 1000000, :model FROM generate_series(1, 5000) AS n"
                ),
                values,
            )
        session.execute(text("ANALYZE course_due"))

    with archive.database.transaction() as session:
        assert not courses.course(session, "p-1", model("v1").key).is_due
        assert rows_read(session, "course_due") <= 10
