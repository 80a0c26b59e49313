from sqlalchemy import text

from db import runs, scores
from db.outcomes import Rejected
from db.reading import trends
from db.reading.trends import Balance
from severity.domain import Likeness, Reason, TimeSource, View
from tests.builders.scores import INBOX, INVERTED, scored, version


def read(database, patient="p-1"):
    with database.transaction() as session:
        return trends.trend(session, patient, version().key)


def test_changes_are_from_baseline_from_the_previous_and_from_the_peak(database, course):
    course({"day": 5, "extent": 4.0}, {"day": 0, "extent": 2.0}, {"day": 2, "extent": 6.0})

    seen = read(database).observations

    assert [one.geographic_extent for one in seen] == [2, 6, 4]
    assert [one.days_since_baseline for one in seen] == [0, 2, 5]
    assert [one.extent_from_baseline for one in seen] == [0, 4, 2]
    assert [one.extent_from_previous for one in seen] == [None, 4, -2]
    assert [one.extent_from_peak for one in seen] == [0, 0, -2]


def test_a_change_of_view_is_marked(database, course):
    course({"day": 0}, {"day": 1, "view": View.AP}, {"day": 2, "view": View.AP})

    assert [one.view_changed for one in read(database).observations] == [False, True, False]


def test_patients_are_never_mixed(database, course):
    course({"day": 0}, {"day": 1, "patient": "p-2"}, {"day": 2})

    assert [one.days_since_baseline for one in read(database).observations] == [0, 2]
    assert [one.days_since_baseline for one in read(database, "p-2").observations] == [0]


def test_days_without_a_calendar_are_a_course_of_their_own(database, course):
    course({"day": 0}, {"day": 3, "source": TimeSource.SIDECAR_OFFSET})

    seen = read(database).observations

    assert [(one.calendar_known, one.days_since_baseline) for one in seen] == [
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

    assert [one.geographic_extent for one in trend.observations] == [3, 3]
    assert trend.other_versions == (version("v2").key,)


def test_the_balance_counts_every_object_once(database, model, enlist, running, claim):
    enlist("a", "b", "c")
    with running() as run_id:
        good, bad = claim(run_id, 2)
        outcomes = [scored(good.ledger_id), Rejected(bad.ledger_id, Reason.LATERAL, "")]
        with database.transaction() as session:
            scores.close(session, run_id, outcomes, model_version_id=model)

    with database.transaction() as session:
        balance = trends.balance(session, version().key)
        assert trends.rejections(session, version().key) == {"lateral": 1}
    assert balance == Balance(seen=3, scored=1, rejected=1, pending=1, copies=0)
    assert balance.holds


def test_the_balance_says_how_many_of_the_scored_are_unlike_known_films(database, course):
    near = Likeness("films-1", distance=0.5)
    course({"day": 0, "likeness": INVERTED}, {"day": 1, "likeness": near}, {"day": 2})

    with database.transaction() as session:
        balance = trends.balance(session, version().key)
    assert (balance.scored, balance.unlike) == (3, 1)
    assert balance.holds


def test_other_versions_are_those_that_scored_anything(database, course, model):
    course({"day": 0})
    with database.transaction() as session:
        runs.register_model(session, version("idle"))

        assert trends.other_versions(session, version("idle").key) == [version().key]
        assert trends.other_versions(session, version().key) == []


def test_a_lost_score_shows_in_the_balance(database, course):
    course({"day": 0}, {"day": 1})
    with database.transaction() as session:
        session.execute(text("DELETE FROM score WHERE geographic_extent = 3 AND id = 1"))
        assert not trends.balance(session, version().key).holds


def test_copies_are_named_as_such(database, model):
    from db import ledger

    seen = [ledger.Seen(name, "f", "same") for name in ("a.dcm", "b.dcm")]
    with database.transaction() as session:
        assert ledger.enlist(session, INBOX, seen, model_version_id=model) == 1
        fates = trends.fates(session, INBOX, version().key)
        assert trends.balance(session, version().key).copies == 1

    assert [(key, fate) for key, fate, _ in fates] == [("a.dcm", "waiting"), ("b.dcm", "copy")]


def test_of_a_scored_file_it_is_said_why_it_is_unlike_known_films(database, course):
    course({"day": 0, "likeness": INVERTED}, {"day": 1})

    with database.transaction() as session:
        fates = trends.fates(session, INBOX, version().key)

    assert fates == [
        ("c0.dcm", "scored", "unlike known films: inverted"),
        ("c1.dcm", "scored", ""),
    ]
