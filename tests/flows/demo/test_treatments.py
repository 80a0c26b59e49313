"""The demonstration's treatments."""

from pathlib import Path

from db.engine import Database
from db.reading import courses
from flows.demo.treatments import TREATED, import_demo_treatments
from flows.resources import Resources
from tests.builders.archive import model
from tests.builders.course_archive import CourseArchive, film


def test_treatments_are_imported_once_and_stand_in_the_course(
    database: Database, resources: Resources, tmp_path: Path
) -> None:
    key = resources.pseudonym(TREATED)
    archive = CourseArchive(database)
    archive.follow(film("a", 0, 2.0, patient=key), film("b", 14, 6.0, patient=key))

    assert import_demo_treatments(tmp_path / "treatments.csv", resources) == 1
    assert import_demo_treatments(tmp_path / "treatments.csv", resources) == 0
    with database.transaction() as session:
        events = courses.course(session, key, model().key).events
    assert all(event.label.startswith("SIMULATED") for event in events)
    assert [len(event.geographic_extent) for event in events] == [5]
