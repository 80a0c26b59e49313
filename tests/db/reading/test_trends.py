from sqlalchemy import text

from db import runs
from db.reading import trends
from severity.domain import TimeSource, View
from tests.builders.scores import version


def read(database, patient="p-1"):
    with database.transaction() as session:
        return trends.trend(session, patient, version().key)


def test_changes_are_from_baseline_from_the_previous_and_from_the_peak(database, course):
    course({"day": 5, "extent": 4.0}, {"day": 0, "extent": 2.0}, {"day": 2, "extent": 6.0})

    observations = read(database).observations

    assert [observation.geographic_extent for observation in observations] == [2, 6, 4]
    assert [observation.days_since_baseline for observation in observations] == [0, 2, 5]
    assert [observation.extent_from_baseline for observation in observations] == [0, 4, 2]
    assert [observation.extent_from_previous for observation in observations] == [None, 4, -2]
    assert [observation.extent_from_peak for observation in observations] == [0, 0, -2]


def test_a_change_of_view_is_marked(database, course):
    course({"day": 0}, {"day": 1, "view": View.AP}, {"day": 2, "view": View.AP})

    assert [observation.view_changed for observation in read(database).observations] == [
        False,
        True,
        False,
    ]


def test_patients_are_never_mixed(database, course):
    course({"day": 0}, {"day": 1, "patient": "p-2"}, {"day": 2})

    assert [observation.days_since_baseline for observation in read(database).observations] == [
        0,
        2,
    ]
    assert [
        observation.days_since_baseline for observation in read(database, "p-2").observations
    ] == [0]


def test_days_without_a_calendar_are_a_course_of_their_own(database, course):
    course({"day": 0}, {"day": 3, "source": TimeSource.SIDECAR_OFFSET})

    observations = read(database).observations

    assert [
        (observation.calendar_known, observation.days_since_baseline)
        for observation in observations
    ] == [
        (True, 0),
        (False, 0),
    ]


def test_two_model_versions_are_never_joined(database, course):
    course({"day": 0}, {"day": 1})
    with database.transaction() as session:
        other = runs.register_model(session, version("v2"))
        session.execute(
            text(
                """
                INSERT INTO score (image_id, patient_id, model_version_id, run_id,
                    geographic_extent, opacity, geographic_extent_raw, opacity_raw,
                    acquired_at, acquired_source)
                SELECT image_id, patient_id, :other, run_id, 8, 6, 8, 6, acquired_at,
                    acquired_source
                FROM score
                """
            ),
            {"other": other},
        )

    trend = read(database)

    assert [observation.geographic_extent for observation in trend.observations] == [3, 3]
    assert trend.other_versions == (version("v2").key,)
