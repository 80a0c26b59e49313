"""What a page shows of a person beside the course."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from db.corrections import Author, merge
from db.engine import Database
from db.events import PatientGroup, store_groups
from db.reading import patients
from tests.builders.archive import Archive, Film


@pytest.fixture
def archive(database: Database) -> Archive:
    archive = Archive(database)
    archive.add(Film("a"), Film("b", patient="p-2"), Film("c", patient="p-3"))
    archive.do(merge, Author("dr.roe", "one person"), "p-2", "p-1")
    return archive


def test_a_merged_patients_images_are_named_with_their_own_key(archive: Archive) -> None:
    (merged,) = archive.as_reader(patients.merged_images, "p-1", zone=UTC).values()
    assert merged.patient_key == "p-2"
    assert timedelta(0) <= datetime.now(UTC).date() - merged.on <= timedelta(days=1)
    assert archive.as_reader(patients.merged_images, "p-3", zone=UTC) == {}


def test_the_day_of_a_merge_is_that_on_which_the_film_came_to_be_of_this_person(
    archive: Archive,
) -> None:
    with archive.database.transaction() as session:
        session.execute(text("ALTER TABLE correction DISABLE TRIGGER never_updated"))
        session.execute(text("UPDATE correction SET at = '2020-03-01'"))
    archive.do(merge, Author("dr.roe", "one person"), "p-1", "p-3")

    merged = archive.as_reader(patients.merged_images, "p-3", zone=UTC).values()

    assert {each.patient_key for each in merged} == {"p-1", "p-2"}
    assert len({each.on for each in merged}) == 1


def test_groups_are_those_of_the_person(archive: Archive) -> None:
    archive.do(store_groups, "import", [PatientGroup("p-2", "arm", "placebo")])

    assert archive.as_reader(patients.groups, "p-1") == {"arm": "placebo"}
    assert archive.as_reader(patients.groups, "p-2") == {"arm": "placebo"}
    assert archive.as_reader(patients.groups, "p-3") == {}
