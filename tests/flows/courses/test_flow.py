"""The update of courses as its deployment runs it."""

import asyncio

from flows.courses.update import Updated, update_courses
from flows.resources import Resources, using
from tests.builders.course_archive import CourseArchive, film


def test_courses_of_whoever_is_due_are_computed_without_a_pass(
    prefect: None, resources: Resources
) -> None:
    from flows.courses.flow import update_due_courses

    archive = CourseArchive(resources.open_database())
    archive.add(film("first", 0), film("second", 1))

    with using(resources):
        persons = asyncio.run(update_due_courses())

    assert persons == 1
    assert update_courses(archive.database) == Updated()
