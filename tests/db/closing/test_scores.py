"""Closing: scores and rejections are written with the claims that they close."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from db.closing.outcomes import Rejected
from db.errors import DatabaseError
from db.ledger import sources
from db.reading import lungs
from severity.domain import (
    DistributionCheck,
    Fate,
    Lungs,
    LungScore,
    ProcessingCheck,
    Reason,
    Score,
    UnlikeProcessing,
    Zone,
)
from tests.builders.scores import INVERTED, scored, version


def count(steps, table):
    return steps.value(f"SELECT count(*) FROM {table}")  # noqa: S608


def test_a_score_and_the_claim_that_it_closes_are_written_together(steps, running):
    steps.enlist("a", "b")
    with running() as run:
        good, bad = steps.claim(run)
        closed = steps.close(
            run, scored(good.work_id), Rejected(bad.work_id, Reason.CORRUPT, "cut off")
        )

    assert closed == {good.work_id: Fate.SCORED, bad.work_id: Reason.CORRUPT}
    assert (count(steps, "score"), count(steps, "work")) == (1, 0)


def test_a_run_that_lost_its_claim_writes_nothing(steps, running):
    """It seemed dead, and its image was given to another: one score, the other's."""
    steps.enlist("a")
    with running() as slow:
        (lost,) = steps.claim(slow)
    with running() as heir:
        steps.release()
        (claimed,) = steps.claim(heir)

        assert steps.close(slow, scored(lost.work_id, extent=1)) == {}
        assert steps.close(heir, scored(claimed.work_id, extent=2)) == {
            claimed.work_id: Fate.SCORED
        }

    assert steps.value("SELECT geographic_extent FROM score") == 2


def test_closing_twice_changes_nothing(steps, running):
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        steps.close(run, scored(claimed.work_id))
        assert steps.close(run, scored(claimed.work_id, extent=7)) == {}

    assert steps.value("SELECT geographic_extent FROM score") == 3


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
@pytest.mark.parametrize("is_same_batch", [False, True])
def test_what_repeats_or_contradicts_a_known_image_is_rejected_with_the_reason(
    steps, running, second, reason, is_same_batch
):
    steps.enlist("a", "b")
    with running() as run:
        first, again = steps.claim(run)
        outcomes = [scored(first.work_id), scored(again.work_id, **second)]
        closed = {}
        for batch in [outcomes] if is_same_batch else [[outcome] for outcome in outcomes]:
            closed |= steps.close(run, *batch)
        assert closed == {first.work_id: Fate.SCORED, again.work_id: reason}

    assert count(steps, "score") == 1
    assert steps.balance().rejected == 1


def test_two_model_versions_score_the_same_image_once_each(steps, running):
    other = steps.wanting(model=version("v2"))
    steps.enlist("a")
    with running() as run, running(other) as second:
        assert steps.score(run) == Fate.SCORED
        (claimed,) = other.claim(second)
        assert claimed.is_judged
        assert other.close(second, scored(claimed.work_id)) == {claimed.work_id: Fate.SCORED}

    assert (count(steps, "image"), count(steps, "score")) == (1, 2)
    assert steps.balance().accepted == 1


def test_an_object_is_judged_once_whatever_a_second_model_version_reads(steps, running):
    """A corrected time zone, or another reader: neither makes a conflict nor changes the image."""
    steps.enlist("a")
    with running() as run:
        steps.score(run, day=0)
    other = steps.wanting(model=version("v2"))
    with running(other) as run:
        assert other.score(run, day=0.5, patient="p-2", uid="1.9", pixels="other") == Fate.SCORED

    assert steps.query("SELECT image_uid, acquired_at::date::text FROM image") == [
        ("1.1", "2020-03-01")
    ]
    assert count(steps, "correction") == 0


def test_an_accepted_image_that_a_model_version_cannot_score_fails_for_it_alone(steps, running):
    steps.enlist("a")
    with running() as run:
        steps.score(run)
    other = steps.wanting(model=version("v2"))
    with running(other) as run:
        (claimed,) = other.claim(run)
        rejected = Rejected(claimed.work_id, Reason.UNTRUSTWORTHY_PIXELS, "of the backbone")
        assert other.close(run, rejected) == {claimed.work_id: Reason.UNTRUSTWORTHY_PIXELS}

    balance = steps.balance()
    assert (balance.accepted, balance.rejected) == (1, 0)
    assert balance.of(version().key).scored == balance.of(version("v2").key).failed == 1


def test_a_model_version_that_is_retired_waits_for_nothing_and_keeps_its_scores(steps, running):
    other = steps.wanting(model=version("v2"))
    steps.enlist("a", "b")
    with running(other) as run:
        other.score(run)
        (held,) = other.claim(run)
        with steps.database.transaction() as session:
            sources.retire(
                session, other.queue.source_id, model_version_id=other.queue.model_version_id
            )
        assert other.waiting() == 0
        assert other.close(run, scored(held.work_id, uid="1.2", pixels="b")) == {}

    assert count(steps, "score") == 1
    assert [entry.model_version for entry in steps.balance().versions] == [version().key]
    assert steps.waiting() == 2
    # Wanted again, it goes on where it was.
    assert steps.wanting(model=version("v2")).waiting() == 1


def test_what_a_retired_version_leaves_is_done_where_another_source_wants_it(steps, running):
    steps.enlist("a", "b")
    elsewhere = steps.wanting("/elsewhere")
    elsewhere.enlist("a")
    steps.enlist("a")
    with steps.database.transaction() as session:
        sources.retire(
            session, steps.queue.source_id, model_version_id=steps.queue.model_version_id
        )
    assert (steps.waiting(), elsewhere.waiting()) == (0, 1)
    with running(elsewhere) as run:
        assert elsewhere.score(run) == Fate.SCORED
    assert (steps.balance().accepted, steps.balance().unread) == (1, 1)


def test_runs_with_the_same_images_in_other_orders_do_not_block_each_other(steps, running):
    steps.enlist(*(f"{number:02}" for number in range(40)))
    with running() as first_run, running() as second_run:
        first, second = steps.claim(first_run, 20), steps.claim(second_run, 20)

        def close(run, claims):
            return steps.close(
                run,
                *(
                    scored(claimed.work_id, uid=f"1.{place}", pixels=f"px{place}")
                    for place, claimed in enumerate(claims)
                ),
            )

        with ThreadPoolExecutor(2) as pool:
            closings = [
                pool.submit(close, first_run, first),
                pool.submit(close, second_run, second[::-1]),
            ]
            closed = [fate for closing in closings for fate in closing.result().values()]

    assert len(closed) == 40
    assert count(steps, "score") == 20


def test_batches_that_cross_in_all_they_share_do_not_block_each_other(steps, running):
    """The same pixels under other UIDs, and new patients, each in opposite orders."""
    steps.enlist(*(f"{number:02}" for number in range(80)))
    with running() as run:
        batches = [steps.claim(run, 20) for _ in range(4)]

        def close(worker):
            return steps.close(
                run,
                *(
                    scored(
                        claimed.work_id,
                        uid=f"1.{worker}.{place:02}",
                        pixels=f"px{place if worker % 2 else 19 - place}",
                        patient=f"p-{place % 5 if worker % 2 else (19 - place) % 5}",
                    )
                    for place, claimed in enumerate(batches[worker])
                ),
            )

        with ThreadPoolExecutor(4) as pool:
            closed = [fate for batch in pool.map(close, range(4)) for fate in batch.values()]

    assert len(closed) == 80
    assert closed.count(Fate.SCORED) == count(steps, "score") == 20
    assert set(closed) == {Fate.SCORED, Reason.DUPLICATE_IMAGE}


def test_of_one_batch_the_lowest_uid_is_scored(steps, running):
    steps.enlist("a", "b", "c")
    with running() as run:
        late, early, again = steps.claim(run)
        closed = steps.close(
            run,
            scored(late.work_id, uid="1.2"),
            scored(early.work_id, uid="1.1"),
            scored(again.work_id, uid="1.1"),
        )

    assert closed == {
        late.work_id: Reason.DUPLICATE_IMAGE,
        early.work_id: Fate.SCORED,
        again.work_id: Reason.DUPLICATE_IMAGE,
    }


def test_a_conflict_leaves_no_patient_behind_who_has_no_image(steps, running):
    steps.enlist("a", "b")
    with running() as run:
        first, second = steps.claim(run)
        steps.close(run, scored(first.work_id), scored(second.work_id, patient="p-2"))

    assert (count(steps, "patient"), count(steps, "study")) == (1, 1)


def test_findings_and_triage_are_kept_with_the_score_and_their_names_once(steps, running):
    steps.enlist("a", "b", "c", "d")
    findings = {"Lung Opacity": 1.25, "Effusion": -0.5}
    triage = {"pneumonia": 0.75, "normal": 0.25}
    fields = [
        {"findings": findings, "triage": triage},
        {},
        {"findings": {"Effusion": 2.0}},
        {"findings": findings},
    ]
    with running() as run:
        claims = steps.claim(run)
        steps.close(
            run,
            *(
                scored(claimed.work_id, uid=f"1.{place}", pixels=f"{place}", **more)
                for place, (claimed, more) in enumerate(zip(claims, fields, strict=True))
            ),
        )

    stored = steps.query(
        """
        SELECT image_uid, kind, names, numbers FROM score_output
        JOIN output_names ON output_names.id = output_names_id
        JOIN image ON image.id = image_id ORDER BY 1, 2
        """
    )
    assert stored == [
        ("1.0", "findings", list(findings), list(findings.values())),
        ("1.0", "triage", list(triage), list(triage.values())),
        ("1.2", "findings", ["Effusion"], [2.0]),
        ("1.3", "findings", list(findings), list(findings.values())),
    ]
    assert count(steps, "output_names") == 3


def test_a_score_is_kept_with_its_distance_and_why_it_is_out_of_distribution(steps, running):
    steps.enlist("a", "b", "c")
    checks = [INVERTED, DistributionCheck("frontal-1", 0.5), None]
    with running() as run:
        claims = steps.claim(run)
        steps.close(
            run,
            *(
                scored(claimed.work_id, uid=f"1.{place}", pixels=f"{place}", distribution_check=it)
                for place, (claimed, it) in enumerate(zip(claims, checks, strict=True))
            ),
        )

    columns = "distance_reference, distance, out_of_distribution"
    assert steps.query(f"SELECT {columns} FROM score ORDER BY image_id") == [  # noqa: S608
        ("frontal-1", 2.5, "inverted"),
        ("frontal-1", 0.5, None),
        (None, None, None),
    ]


LUNGS = Lungs(
    LungScore(2.25, 0.5),
    LungScore(0.75, 1.5),
    dict(zip(Zone, (0.0, 0.25, 0.5, 0.0, 0.125, 1.0), strict=True)),
)


def test_what_each_lung_has_is_kept_with_the_score_and_read_with_the_patient(steps, running):
    steps.enlist("a", "b")
    with running() as run:
        first, second = steps.claim(run)
        steps.close(
            run,
            scored(first.work_id, uid="1.1", lungs=LUNGS),
            scored(second.work_id, uid="1.2", pixels="other", day=1),
        )

    with steps.database.transaction() as session:
        of_patient = lungs.of_patient(session, "p-1", version().key)
    ((image_id,),) = steps.query("SELECT id FROM image WHERE image_uid = '1.1'")
    assert of_patient == {image_id: LUNGS}
    columns = "left_extent, right_extent, left_opacity, right_opacity, left_lower, right_upper"
    assert steps.query(f"SELECT {columns} FROM scored_image ORDER BY image_id") == [  # noqa: S608
        (0.75, 2.25, 1.5, 0.5, 1.0, 0.0),
        (None,) * 6,
    ]


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        (replace(LUNGS, right=LungScore(3.5, 0.5)), "ck_score_right"),
        (replace(LUNGS, right=LungScore(float("nan"), 0.5)), "ck_score_right"),
        (replace(LUNGS, zones=dict.fromkeys(Zone, 1.5)), "ck_score_zones"),
        (replace(LUNGS, zones=dict.fromkeys(Zone, float("nan"))), "ck_score_zones"),
    ],
)
def test_a_lung_with_more_than_the_image_has_is_never_stored(steps, running, wrong, constraint):
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        with pytest.raises(DatabaseError, match=constraint):
            steps.close(run, scored(claimed.work_id, lungs=wrong))
    assert count(steps, "score") == 0


def test_a_score_is_kept_with_the_distance_of_its_processing(steps, running):
    steps.enlist("a", "b", "c")
    checks = [
        ProcessingCheck("processing-1", 1.5, UnlikeProcessing.FLAT),
        ProcessingCheck("processing-1", 0.5),
        None,
    ]
    with running() as run:
        claims = steps.claim(run)
        steps.close(
            run,
            *(
                scored(claimed.work_id, uid=f"1.{place}", pixels=f"{place}", processing_check=it)
                for place, (claimed, it) in enumerate(zip(claims, checks, strict=True))
            ),
        )

    columns = "processing_reference, processing_distance, unlike_processing"
    assert steps.query(f"SELECT {columns} FROM score ORDER BY image_id") == [  # noqa: S608
        ("processing-1", 1.5, "flat"),
        ("processing-1", 0.5, None),
        (None, None, None),
    ]


def test_a_probability_that_is_no_number_is_never_stored(steps, running):
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        with pytest.raises(DatabaseError, match="ck_score_output_numbers"):
            steps.close(run, scored(claimed.work_id, triage={"pneumonia": float("nan")}))
    assert count(steps, "score") == 0


def test_the_raw_values_are_kept_beside_the_clipped_ones(steps, running):
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        outcome = scored(claimed.work_id)
        steps.close(run, replace(outcome, score=Score(0.0, 6.0, -0.5, 7.25)))
    assert steps.query(
        "SELECT geographic_extent, opacity, geographic_extent_raw, opacity_raw FROM score"
    ) == [(0, 6, -0.5, 7.25)]
