from sqlalchemy import text

from db.reading import trends
from severity.domain import TimeSource, View
from tests.builders.scores import scored, version


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


def test_two_model_versions_are_never_joined(database, steps, running, course):
    course({"day": 0}, {"day": 1})
    other = steps.wanting(model=version("v2"))
    with running(other) as run:
        other.close(run, *(scored(claimed.work_id, extent=8) for claimed in other.claim(run)))

    trend = read(database)

    assert [observation.geographic_extent for observation in trend.observations] == [3, 3]
    assert trend.other_versions == (version("v2").key,)


def test_images_that_do_not_count_are_in_no_trend(database, course):
    course({"day": 0}, {"day": 1}, {"day": 2}, {"day": None})
    with database.transaction() as session:
        session.execute(text("UPDATE image SET standing = 'withdrawn' WHERE image_uid = '1.0'"))
        session.execute(text("UPDATE image SET standing = 'superseded' WHERE image_uid = '1.1'"))

    trend = read(database)

    assert [observation.days_since_baseline for observation in trend.observations] == [0]
    assert trend.undated == 1


def test_the_images_of_merged_patients_are_one_trend_under_either_key(database, course):
    course({"day": 0}, {"day": 1, "patient": "p-2"}, {"day": 2, "patient": "p-3"})
    with database.transaction() as session:
        merge = """
            UPDATE patient SET merged_into_id = into_patient.id, merged_last_id = last.id
            FROM patient AS into_patient, patient AS last
            WHERE patient.patient_key = :patient AND into_patient.patient_key = :into
                AND last.patient_key = 'p-1'
        """
        session.execute(text(merge), {"patient": "p-2", "into": "p-1"})
        session.execute(text(merge), {"patient": "p-3", "into": "p-2"})

    for key in ("p-1", "p-2", "p-3"):
        trend = read(database, key)
        assert trend.patient_key == "p-1"
        assert [entry.days_since_baseline for entry in trend.observations] == [0, 1, 2]


def test_the_busiest_patient_is_the_one_with_the_longest_trend(database, course):
    course({"day": 0, "patient": "p-2"}, {"day": 1}, {"day": 2, "patient": "p-2"})
    with database.transaction() as session:
        assert trends.busiest_patient(session, version().key) == "p-2"
