"""What a page shows of a person beside the course."""

from datetime import UTC, datetime, timedelta

import pytest

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


def test_groups_are_those_of_the_person(archive: Archive) -> None:
    archive.do(store_groups, "import", [PatientGroup("p-2", "arm", "placebo")])

    assert archive.as_reader(patients.groups, "p-1") == {"arm": "placebo"}
    assert archive.as_reader(patients.groups, "p-2") == {"arm": "placebo"}
    assert archive.as_reader(patients.groups, "p-3") == {}
