"""Quartiles of many patients, read as the reader's role."""

import pytest

from db.events import PatientGroup, store_groups
from db.reading import cohort
from db.reading.cohort import Treatment
from flows.courses.update import update_courses
from tests.builders.archive import model
from tests.builders.course_archive import CourseArchive, film

KEY, EXTENT = model().key, "geographic_extent"
ODD = 'placebo"><script>'


@pytest.fixture
def archive(database):
    """Five patients with levels of 1 to 5 on day 0 and one more on day 4, the last unlike films."""
    archive = CourseArchive(database)
    archive.follow(
        *(
            film(f"{number}-{day}", day, extent, patient=f"p-{number}")
            for number in range(1, 6)
            for day, extent in ((0, float(number)), (4, number + 1.0))
        ),
        film("unlike", 4, 8.0, patient="p-1", flagged=True),
    )
    with database.transaction() as session:
        arms = {"p-1": "drug", "p-2": "drug", "p-3": "drug", "p-4": ODD, "p-5": ODD}
        store_groups(session, "ward", [PatientGroup(key, "arm", arms[key]) for key in arms])
    for number in (1, 2, 4):
        archive.treat("dexamethasone", 1, patient=f"p-{number}")
    update_courses(database)
    return archive


def medians(curve):
    return {day.day: pytest.approx(day.median, abs=0.35) for day in curve}


def test_all_patients_are_read_by_day(archive):
    curve = archive.as_reader(cohort.by_day, KEY, EXTENT)

    assert [day.count for day in curve] == [5, 5]
    assert medians(curve) == {0: 3.0, 4: 4.0}
    assert all(day.lower_quartile < day.median < day.upper_quartile for day in curve)
    assert archive.as_reader(cohort.by_day, "no version", EXTENT) == ()


def test_groups_have_curves_of_their_own(archive):
    assert archive.as_reader(cohort.groupings) == ["arm"]
    curves = archive.as_reader(cohort.by_group, KEY, "arm")[EXTENT]

    assert {value: [day.count for day in curve] for value, curve in curves.items()} == {
        "drug": [3, 3],
        ODD: [2, 2],
    }
    assert medians(curves["drug"]) == {0: 2.0, 4: 3.0}
    assert medians(curves[ODD]) == {0: 4.5, 4: 5.5}
    assert archive.as_reader(cohort.by_group, KEY, "no grouping")[EXTENT] == {}


def test_treatments_have_curves_from_their_start_also_by_group(archive):
    (treatment,) = archive.as_reader(cohort.treatments)
    assert treatment == Treatment("drug", "dexamethasone")

    curve = archive.as_reader(cohort.after_treatment, KEY, "opacity", treatment)
    curves = archive.as_reader(cohort.after_treatment_by_group, KEY, EXTENT, treatment, name="arm")

    assert [(day.day, day.count) for day in curve] == [(0, 3), (1, 3), (3, 3)]
    assert [day.change_median is None for day in curve] == [True, False, False]
    assert {value: [day.count for day in each] for value, each in curves.items()} == {
        "drug": [2, 2, 2],
        ODD: [1, 1, 1],
    }
