"""A corrected view of one image, and back."""

import pytest

from db.corrections import correct_view
from db.errors import RefusedCorrection
from db.reading import courses
from flows.courses.update import update_courses
from severity.domain import View
from severity.models.bundled_cards import bundled_course_parameters
from tests.builders.archive import model
from tests.builders.course_archive import CourseArchive, film
from tests.builders.courses import adopt


def test_a_corrected_view_changes_the_level_and_not_the_score(database, author):
    archive = CourseArchive(database)
    adopt(archive, bundled_course_parameters("compact-3"))  # views shift scores there
    first, second = film("a", 0, 2.0), film("b", 2, 4.0)
    archive.follow(first, second)

    def now() -> tuple[View, float, float]:
        update_courses(database)
        extent = (
            last := archive.do(courses.course, "p-1", model().key).images[-1]
        ).geographic_extent
        return last.view, extent.points, extent.level.level

    before = now()
    assert archive.do(correct_view, author, archive.image(second), View.AP_SUPINE) is before[0]
    view, points, level = now()

    assert (view, points) == (View.AP_SUPINE, before[1])
    assert level != before[2]
    archive.do(correct_view, author, archive.image(second), before[0])
    assert now() == before


def test_the_view_of_no_image_cannot_be_corrected(archive, author):
    with pytest.raises(RefusedCorrection):
        archive.do(correct_view, author, 77, View.AP)
