"""The level between images."""

import pytest

from db.engine import Database
from db.reading import courses
from flows.reports.courses.curve import level_curve
from severity.domain import TimeSource
from tests.builders.archive import model
from tests.builders.course_archive import CourseArchive, film
from tests.builders.patient_courses import course, flagged, image, without_levels


def test_a_curve_passes_through_the_levels_that_the_database_keeps(database: Database) -> None:
    archive = CourseArchive(database)
    archive.follow(film("a", 0, 2.0), film("b", 2, 6.0), film("c", 2, 5.0), film("d", 30, 3.0))
    with database.transaction() as session:
        kept = courses.course(session, "p-1", model().key)

    for score in ("geographic_extent", "opacity"):
        curve = {moment.at: moment.band for moment in level_curve(kept, kept.images, score)}
        for own in kept.images:
            level = getattr(own, score).smoothed
            assert curve[own.at].level == pytest.approx(level.level, abs=1e-3)
            assert curve[own.at].low == pytest.approx(level.low, abs=1e-3)
            assert curve[own.at].high == pytest.approx(level.high, abs=1e-3)


def test_a_curve_takes_images_of_a_day_without_order_for_images_of_one_time(
    database: Database,
) -> None:
    archive = CourseArchive(database)
    date = {"time_source": TimeSource.STUDY_DATE}
    archive.follow(
        film("a", -0.5, 2.0), film("b", 1.5, 6.0, **date), film("c", 2.3, 3.0), film("d", 5, 3.0)
    )
    with database.transaction() as session:
        kept = courses.course(session, "p-1", model().key)

    curve = {
        moment.at: moment.band for moment in level_curve(kept, kept.images, "geographic_extent")
    }

    day = kept.images[1].at  # of two images
    for at, own in zip((kept.images[0].at, day, day, kept.images[3].at), kept.images, strict=True):
        level = own.geographic_extent.smoothed
        assert curve[at].level == pytest.approx(level.level, abs=1e-3)
        assert curve[at].high == pytest.approx(level.high, abs=1e-3)


def test_the_band_is_wider_between_images_than_at_them() -> None:
    shown = course(image(0), image(20))
    widths = [
        moment.band.high - moment.band.low
        for moment in level_curve(shown, shown.images, "geographic_extent")
    ]

    assert max(widths) > 2 * widths[0]
    assert widths.index(max(widths)) not in {0, len(widths) - 1}


def test_only_eligible_images_make_a_curve() -> None:
    assert level_curve(course(), [flagged(0)], "opacity") == []
    assert level_curve(without_levels(course()), [image(0)], "opacity") == []
    curve = level_curve(course(), [image(0), flagged(4)], "opacity")
    assert [moment.at for moment in curve] == [image(0).at]
