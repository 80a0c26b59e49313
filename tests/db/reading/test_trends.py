from sqlalchemy import text

from db import corrections
from db.corrections import Author
from db.reading import trends
from severity.domain import TimeSource, View
from tests.builders.ledger import INBOX
from tests.builders.scores import INVERTED, scored, version


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


def test_the_busiest_patient_of_a_source_has_the_most_images_there(database, course, steps):
    course({"day": 0, "patient": "p-2"}, {"day": 1}, {"day": 2, "patient": "p-2"})
    steps.wanting("/srv/other")
    with database.transaction() as session:
        assert trends.busiest_patient(session, version().key, INBOX) == "p-2"
        assert trends.busiest_patient(session, version().key, "/srv/other") is None


DATE_ALONE = TimeSource.ACQUISITION_DATE


def changes(database):
    return [
        (entry.extent_from_baseline, entry.extent_from_previous)
        for entry in read(database).observations
    ]


def test_a_date_alone_is_compared_with_other_days(database, course):
    course(
        {"day": 0, "extent": 2.0, "source": DATE_ALONE},
        {"day": 1, "extent": 3.0, "source": DATE_ALONE},
        {"day": 2.5, "extent": 5.0},
    )

    assert changes(database) == [(0, None), (1, 1), (3, 2)]
    assert [entry.time_of_day_known for entry in read(database).observations] == [
        False,
        False,
        True,
    ]


def test_images_of_a_day_are_not_ordered_by_a_time_that_nobody_knows(database, course):
    course(
        {"day": 0, "extent": 1.0},
        {"day": 3, "extent": 5.0, "source": DATE_ALONE},
        {"day": 3.4, "extent": 2.0},
        {"day": 3.9, "extent": 3.0, "view": View.AP},
        {"day": 4, "extent": 4.0},
    )

    assert changes(database) == [(0, None), (4, 4), (1, 1), (2, 2), (3, None)]
    observations = read(database).observations
    assert [entry.extent_from_peak for entry in observations] == [0, 0, -3, -2, -1]
    assert [entry.view_changed for entry in observations] == [False, False, False, True, False]


def test_no_baseline_is_picked_among_images_of_unknown_order(database, course):
    course(
        {"day": 0, "extent": 1.0, "source": DATE_ALONE},
        {"day": 0.5, "extent": 5.0},
        {"day": 1, "extent": 2.0},
        {"day": 2, "extent": 4.0},
    )

    assert changes(database) == [(None, None), (None, None), (None, None), (None, 2)]


def test_images_of_one_instant_are_in_no_order(database, course):
    course({"day": 0}, {"day": 1, "extent": 1.0}, {"day": 1, "extent": 5.0}, {"day": 2})

    assert changes(database) == [(0, None), (-2, -2), (2, 2), (0, None)]


def test_an_image_that_is_out_of_distribution_takes_no_day_from_the_others(database, course):
    course(
        {"day": 0, "extent": 2.0},
        {"day": 1, "extent": 8.0, "source": DATE_ALONE, "distribution_check": INVERTED},
        {"day": 1.5, "extent": 3.0},
        {"day": 1.6, "extent": 4.0},
    )

    assert changes(database) == [(0, None), (None, None), (1, 1), (2, 1)]


def test_days_of_23_hours_are_days(database, course):
    """In Berlin, 29 March 2020 had 23."""
    course(
        {"day": 27.9583333, "extent": 2.0, "source": DATE_ALONE},
        {"day": 28.9166667, "extent": 3.0, "source": DATE_ALONE},
    )

    assert changes(database) == [(0, None), (1, 1)]


def test_the_database_knows_which_sources_are_a_date_alone(database):
    with database.transaction() as session:
        for source in TimeSource:
            alone = session.scalar(text("SELECT is_date_alone(:source)"), {"source": source.value})
            assert alone is source.is_date_alone


def test_the_same_identifier_with_and_without_an_issuer_is_pointed_out_until_they_are_one(
    database, course
):
    course(
        {"day": 0, "patient": "p-bare"},
        {"day": 1, "patient": "p-issued", "unissued": "p-bare"},
        {"day": 2, "patient": "p-other", "unissued": "p-nobody"},
    )

    assert read(database, "p-bare").same_identifier == ("p-issued",)
    assert read(database, "p-issued").same_identifier == ("p-bare",)
    assert read(database, "p-other").same_identifier == ()

    with database.transaction() as session:
        corrections.merge(session, Author("test", "one person"), "p-bare", "p-issued")

    assert read(database, "p-bare").same_identifier == ()
