from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from db import runs, scores
from db.errors import DatabaseError
from db.outcomes import Rejected
from severity.domain import DistributionCheck, Interval, OutOfDistribution, Reason, State
from tests.builders.scores import INVERTED, scored, version


@pytest.fixture
def close(database, model):
    def close(run_id, *outcomes):
        with database.transaction() as session:
            closed = scores.close(session, run_id, outcomes, model_version_id=model)
        return {entry.ledger_id: entry.reason or entry.state for entry in closed}

    return close


def count(database, table):
    with database.transaction() as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608


def test_a_score_and_the_state_that_it_closes_are_written_together(
    database, enlist, running, claim, close
):
    enlist("a", "b")
    with running() as run_id:
        good, bad = claim(run_id)
        closed = close(
            run_id, scored(good.ledger_id), Rejected(bad.ledger_id, Reason.CORRUPT, "cut off")
        )

    assert closed == {good.ledger_id: State.SCORED, bad.ledger_id: Reason.CORRUPT}
    assert count(database, "score") == 1


def test_a_run_that_lost_its_claim_writes_nothing(database, enlist, running, claim, close):
    """It seemed dead, and its image was given to another: one score, the other's."""
    enlist("a")
    with running() as slow:
        (lost,) = claim(slow)
    with running() as heir:
        with database.transaction() as session:
            runs.release_abandoned(session)
        (claimed,) = claim(heir)

        assert close(slow, scored(lost.ledger_id, extent=1)) == {}
        assert close(heir, scored(claimed.ledger_id, extent=2)) == {claimed.ledger_id: State.SCORED}

    with database.transaction() as session:
        assert session.scalars(text("SELECT geographic_extent FROM score")).all() == [2.0]


def test_closing_twice_changes_nothing(database, enlist, running, claim, close):
    enlist("a")
    with running() as run_id:
        (claimed,) = claim(run_id)
        close(run_id, scored(claimed.ledger_id))
        assert close(run_id, scored(claimed.ledger_id, extent=7)) == {}

    assert count(database, "score") == 1


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"uid": "1.1", "pixels": "px"}, Reason.DUPLICATE_IMAGE),
        ({"uid": "1.2", "pixels": "px"}, Reason.DUPLICATE_IMAGE),
        ({"uid": "1.1", "pixels": "other"}, Reason.UID_CONFLICT),
        ({"uid": "1.1", "pixels": "px", "patient": "p-2"}, Reason.PATIENT_CONFLICT),
        ({"uid": "1.2", "pixels": "px", "patient": "p-2"}, Reason.PATIENT_CONFLICT),
        ({"uid": "1.1", "pixels": "px", "day": 1}, Reason.TIME_CONFLICT),
    ],
)
def test_what_repeats_or_contradicts_a_known_image_is_rejected_with_the_reason(
    database, enlist, running, claim, close, second, reason
):
    enlist("a", "b")
    with running() as run_id:
        first, again = claim(run_id)
        assert close(run_id, scored(first.ledger_id)) == {first.ledger_id: State.SCORED}
        assert close(run_id, scored(again.ledger_id, **second)) == {again.ledger_id: reason}

    assert count(database, "score") == 1


def test_two_model_versions_score_the_same_image_once_each(
    database, model, enlist, running, claim, close
):
    from db import ledger
    from tests.builders.scores import INBOX

    enlist("a")
    with running() as run_id:
        (claimed,) = claim(run_id)
        close(run_id, scored(claimed.ledger_id))
        with database.transaction() as session:
            other = runs.register_model(session, version("v2"))
            objects = [ledger.SeenObject("a.dcm", "f", "a")]
            ledger.enlist(session, INBOX, objects, model_version_id=other)
            (claimed,) = ledger.claim(session, INBOX, run_id, model_version_id=other, limit=1)
            closed = scores.close(
                session, run_id, [scored(claimed.ledger_id)], model_version_id=other
            )

    assert [entry.state for entry in closed] == [State.SCORED]
    assert (count(database, "image"), count(database, "score")) == (1, 2)


def test_runs_with_the_same_images_in_other_orders_do_not_block_each_other(
    database, model, enlist, running, claim
):
    enlist(*(f"{number:02}" for number in range(40)))
    with running() as first_run, running() as second_run:
        first, second = claim(first_run, 20), claim(second_run, 20)

        def close(run_id, claims):
            outcomes = [
                scored(claimed.ledger_id, uid=f"1.{place}", pixels=f"px{place}")
                for place, claimed in enumerate(claims)
            ]
            with database.transaction() as session:
                return scores.close(session, run_id, outcomes, model_version_id=model)

        with ThreadPoolExecutor(2) as pool:
            closings = [
                pool.submit(close, first_run, first),
                pool.submit(close, second_run, second[::-1]),
            ]
            closed = [entry for closing in closings for entry in closing.result()]

    assert len(closed) == 40
    assert count(database, "score") == 20


def test_batches_that_cross_in_all_they_share_do_not_block_each_other(
    database, model, enlist, running, claim
):
    """The same pixels under other UIDs, and new patients, each in opposite orders."""
    enlist(*(f"{number:02}" for number in range(80)))
    with running() as run_id:
        batches = [claim(run_id, 20) for _ in range(4)]

        def close(worker):
            outcomes = [
                scored(
                    claimed.ledger_id,
                    uid=f"1.{worker}.{place:02}",
                    pixels=f"px{place if worker % 2 else 19 - place}",
                    patient=f"p-{place % 5 if worker % 2 else (19 - place) % 5}",
                )
                for place, claimed in enumerate(batches[worker])
            ]
            with database.transaction() as session:
                return scores.close(session, run_id, outcomes, model_version_id=model)

        with ThreadPoolExecutor(4) as pool:
            closed = [entry for batch in pool.map(close, range(4)) for entry in batch]

    assert len(closed) == 80
    assert sum(entry.state == State.SCORED for entry in closed) == count(database, "score") == 20
    assert {entry.reason for entry in closed} == {None, Reason.DUPLICATE_IMAGE}


def test_of_one_batch_the_lowest_uid_is_scored(database, enlist, running, claim, close):
    enlist("a", "b", "c")
    with running() as run_id:
        late, early, again = claim(run_id)
        closed = close(
            run_id,
            scored(late.ledger_id, uid="1.2"),
            scored(early.ledger_id, uid="1.1"),
            scored(again.ledger_id, uid="1.1"),
        )

    assert closed == {
        late.ledger_id: Reason.DUPLICATE_IMAGE,
        early.ledger_id: State.SCORED,
        again.ledger_id: Reason.DUPLICATE_IMAGE,
    }


def test_a_conflict_leaves_no_patient_behind_who_has_no_image(
    database, enlist, running, claim, close
):
    enlist("a", "b")
    with running() as run_id:
        first, second = claim(run_id)
        close(run_id, scored(first.ledger_id), scored(second.ledger_id, patient="p-2"))

    assert (count(database, "patient"), count(database, "study")) == (1, 1)


def test_the_findings_of_the_backbone_are_kept_with_the_score(
    database, enlist, running, claim, close
):
    enlist("a", "b")
    findings = {"Lung Opacity": 1.25, "Effusion": -0.5}
    with running() as run_id:
        with_findings, without = claim(run_id)
        close(
            run_id,
            scored(with_findings.ledger_id, uid="1.1", pixels="x", findings=findings),
            scored(without.ledger_id, uid="1.2", pixels="y"),
        )

    with database.transaction() as session:
        stored = session.scalars(text("SELECT findings FROM score ORDER BY id")).all()
        assert stored == [findings, None]
        assert session.scalar(text("SELECT count(*) FROM score WHERE findings IS NULL")) == 1


@pytest.mark.parametrize("extent", [float("nan"), -0.1, 8.1])
def test_a_value_beyond_every_scale_is_never_stored(
    database, enlist, running, claim, close, extent
):
    enlist("a")
    with running() as run_id:
        (claimed,) = claim(run_id)
        with pytest.raises(DatabaseError, match="ck_score_extent"):
            close(run_id, scored(claimed.ledger_id, extent=extent))

    assert count(database, "score") == 0


def test_a_score_is_kept_with_its_intervals_its_distance_and_its_triage(
    database, enlist, running, claim, close
):
    enlist("a", "b", "c")
    with running() as run_id:
        full, near, plain = claim(run_id)
        close(
            run_id,
            scored(
                full.ledger_id,
                uid="1.1",
                pixels="x",
                extent=3.0,
                geographic_extent_interval=Interval(1.5, 4.25),
                opacity_interval=Interval(2.0, 2.0),
                distribution_check=INVERTED,
                triage={"pneumonia": 0.75, "normal": 0.25},
            ),
            scored(
                near.ledger_id,
                uid="1.2",
                pixels="y",
                distribution_check=DistributionCheck("frontal-1", 0.5),
            ),
            scored(plain.ledger_id, uid="1.3", pixels="z"),
        )

    columns = """extent_low, extent_high, opacity_low, opacity_high,
        likeness_reference, likeness_distance, unlike, triage"""
    with database.transaction() as session:
        rows = session.execute(text(f"SELECT {columns} FROM score ORDER BY id"))  # noqa: S608
        stored = [tuple(row) for row in rows]
        without_triage = session.scalar(text("SELECT count(*) FROM score WHERE triage IS NULL"))
    triage = {"pneumonia": 0.75, "normal": 0.25}
    assert stored == [
        (1.5, 4.25, 2.0, 2.0, "frontal-1", 2.5, "inverted", triage),
        (None, None, None, None, "frontal-1", 0.5, None, None),
        (None,) * 8,
    ]
    assert without_triage == 2


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"geographic_extent_interval": Interval(3.1, 4)}, "ck_score_extent_interval"),
        ({"geographic_extent_interval": Interval(2, 2.9)}, "ck_score_extent_interval"),
        ({"geographic_extent_interval": Interval(-0.1, 4)}, "ck_score_extent_interval"),
        ({"geographic_extent_interval": Interval(2, 8.1)}, "ck_score_extent_interval"),
        ({"geographic_extent_interval": Interval(NAN, 4)}, "ck_score_extent_interval"),
        ({"geographic_extent_interval": Interval(2, NAN)}, "ck_score_extent_interval"),
        ({"geographic_extent_interval": Interval(2, None)}, "ck_score_extent_ends"),
        ({"opacity_interval": Interval(2.1, 4)}, "ck_score_opacity_interval"),
        ({"opacity_interval": Interval(1, 1.9)}, "ck_score_opacity_interval"),
        ({"opacity_interval": Interval(1, 8.1)}, "ck_score_opacity_interval"),
        ({"opacity_interval": Interval(NAN, NAN)}, "ck_score_opacity_interval"),
        ({"opacity_interval": Interval(None, 4)}, "ck_score_opacity_ends"),
        ({"distribution_check": DistributionCheck("frontal-1", NAN)}, "ck_score_distance"),
        (
            {
                "distribution_check": DistributionCheck(
                    "frontal-1", INFINITY, OutOfDistribution.ROTATED
                )
            },
            "ck_score_distance",
        ),
        ({"distribution_check": DistributionCheck("frontal-1", -0.1)}, "ck_score_distance"),
        (
            {"distribution_check": DistributionCheck("frontal-1", 1.0, OutOfDistribution.ROTATED)},
            "ck_score_unlike",
        ),
        ({"distribution_check": DistributionCheck(None, 2.0)}, "ck_score_likeness"),
        (
            {"distribution_check": DistributionCheck(None, None, OutOfDistribution.ROTATED)},
            "ck_score_unlike",
        ),
    ],
    ids=str,
)
def test_what_contradicts_its_score_is_never_stored(
    database, enlist, running, claim, close, fields, constraint
):
    enlist("a")
    with running() as run_id:
        (claimed,) = claim(run_id)
        with pytest.raises(DatabaseError, match=constraint):
            close(run_id, scored(claimed.ledger_id, extent=3.0, **fields))

    assert count(database, "score") == 0


def test_a_probability_that_is_no_number_is_never_stored(database, enlist, running, claim, close):
    enlist("a")
    with running() as run_id:
        (claimed,) = claim(run_id)
        with pytest.raises(DatabaseError, match="InvalidTextRepresentation"):
            close(run_id, scored(claimed.ledger_id, triage={"pneumonia": NAN}))
