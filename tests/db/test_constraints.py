"""What must never happen is prevented by the database, whatever a program does."""

import pytest
from sqlalchemy import text

from db.errors import DatabaseError
from severity.domain import (
    DistributionCheck,
    OutOfDistribution,
    ProcessingCheck,
    UnlikeProcessing,
)
from tests.builders.scores import scored, version

NAN, INFINITY = float("nan"), float("inf")
ROTATED, LOW_CONTRAST = OutOfDistribution.ROTATED, OutOfDistribution.LOW_CONTRAST
ENHANCED = UnlikeProcessing.ENHANCED

SECOND_IMAGE = """
INSERT INTO image (study_id, source_id, image_uid, pixel_sha256, view, acquired_source,
    acquired_zone, simulated)
SELECT study_id, source_id, {}, view, 'unknown', '', false FROM image
"""
SECOND_SCORE = """
INSERT INTO score (image_id, model_version_id, run_id, geographic_extent, opacity,
    geographic_extent_raw, opacity_raw)
SELECT image_id, model_version_id, run_id, 1, 1, 1, 1 FROM score
"""


@pytest.fixture
def filled(steps, running):
    """An accepted, a rejected and a waiting object, a score and an event."""
    other = steps.wanting(model=version("v2"))
    with running() as run:
        for key in ("scored", "rejected"):
            steps.show(f"{key}.dcm", key)
            steps.score(run, findings={"a": 1.0})
    steps.enlist("waiting")
    assert other.waiting() == 2
    steps.query("UPDATE image SET standing = 'withdrawn' RETURNING id")
    return steps


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        # What was written is never changed.
        ("UPDATE score SET opacity = 0", "lacks a privilege"),
        ("UPDATE correction SET why = 'another'", "lacks a privilege"),
        ("DELETE FROM correction", "lacks a privilege"),
        # An image is scored once by each model version, and has one file.
        (SECOND_SCORE, "pk_score"),
        (
            (
                "UPDATE object SET state = 'accepted', reason = NULL, image_id = 1"
                " WHERE state = 'rejected'"
            ),
            "uq_object_image",
        ),
        ("UPDATE object SET image_id = NULL WHERE state = 'accepted'", "ck_object_image"),
        ("UPDATE object SET image_id = 1 WHERE state = 'rejected'", "ck_object_image"),
        ("UPDATE object SET reason = NULL WHERE state = 'rejected'", "ck_object_reason"),
        ("UPDATE object SET reason = 'corrupt' WHERE state = 'accepted'", "ck_object_reason"),
        ("UPDATE object SET decided_at = NULL WHERE state = 'accepted'", "ck_object_decided"),
        ("UPDATE object SET decided_at = now() WHERE state = 'received'", "ck_object_decided"),
        ("UPDATE object SET dismissed_at = now() WHERE state = 'accepted'", "ck_object_dismissed"),
        (
            (
                "INSERT INTO object (source_id, content_sha256, record_sha256)"
                " SELECT source_id, content_sha256, record_sha256 FROM object"
            ),
            "uq_object_content",
        ),
        (SECOND_IMAGE.format("image_uid, 'other'"), "uq_image_image_uid"),
        (SECOND_IMAGE.format("'other', pixel_sha256"), "uq_image_pixel_sha256"),
        ("UPDATE image SET acquired_at = NULL", "ck_image_time_source"),
        ("UPDATE image SET acquired_source = 'unknown'", "ck_image_time_source"),
        # A claim is a run's, a failure has a reason, and nothing waits twice.
        ("UPDATE work SET state = 'claimed'", "ck_work_claimant"),
        ("UPDATE work SET run_id = 1", "ck_work_claimant"),
        ("UPDATE work SET state = 'failed'", "ck_work_reason"),
        ("UPDATE work SET reason = 'vanished'", "ck_work_reason"),
        (
            (
                "INSERT INTO work (object_id, source_id, counts_in_id, model_version_id)"
                " SELECT object_id, source_id, counts_in_id, model_version_id FROM work"
            ),
            "pk_work",
        ),
        ("UPDATE sighting SET object_id = NULL", "ck_sighting_object"),
        ("UPDATE sighting SET obstacle = 'unreadable_file'", "ck_sighting_object"),
        ("UPDATE run SET state = 'finished'", "ck_run_ended"),
        ("UPDATE run SET ended_at = now()", "ck_run_ended"),
        # Patients
        ("INSERT INTO patient (patient_key) VALUES ('p-1')", "uq_patient_patient_key"),
        ("UPDATE patient SET merged_into_id = id, merged_last_id = id", "ck_patient_circle"),
        (
            "INSERT INTO patient (patient_key, merged_into_id) VALUES ('p-2', 1)",
            "ck_patient_merged",
        ),
        ("INSERT INTO site (id, pseudonym_check) VALUES (2, 'second')", "ck_site_single"),
        # Numbers that are none
        ("INSERT INTO score_output SELECT 1, 1, 1, '{}'", "ck_score_output_numbers"),
        ("INSERT INTO score_output SELECT 1, 1, 1, '{1, NULL}'", "ck_score_output_numbers"),
        ("INSERT INTO score_output SELECT 1, 1, 1, '{1, -Infinity}'", "ck_score_output_numbers"),
    ],
)
def test_what_must_never_happen_is_prevented(filled, statement, message):
    with (
        pytest.raises(DatabaseError, match=message),
        filled.database.transaction() as session,
    ):
        session.execute(text(statement))


def test_a_superseded_image_gives_its_identity_and_its_pixels_free(filled):
    filled.query("UPDATE image SET standing = 'superseded' RETURNING id")
    filled.query(SECOND_IMAGE.format("image_uid, pixel_sha256") + "RETURNING id")


@pytest.mark.parametrize("extent", [NAN, -0.1, 8.1])
def test_a_value_beyond_every_scale_is_never_stored(steps, running, extent):
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        with pytest.raises(DatabaseError, match="ck_score_extent"):
            steps.close(run, scored(claimed.work_id, extent=extent))

    assert steps.value("SELECT count(*) FROM score") == 0
    assert steps.value("SELECT state FROM work") == "claimed"


@pytest.mark.parametrize(
    ("check", "constraint"),
    [
        (DistributionCheck("frontal-1", NAN), "ck_score_distance"),
        (DistributionCheck("frontal-1", INFINITY, ROTATED), "ck_score_distance"),
        (DistributionCheck("frontal-1", -0.1), "ck_score_distance"),
        (DistributionCheck("frontal-1", 1.0, ROTATED), "ck_score_flag"),
        (DistributionCheck(None, 2.0), "ck_score_reference"),
        (DistributionCheck(None, None, ROTATED), "ck_score_flag"),
        (DistributionCheck(None, None, LOW_CONTRAST), "ck_score_flag"),
    ],
    ids=str,
)
def test_what_contradicts_its_distance_is_never_stored(steps, running, check, constraint):
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        with pytest.raises(DatabaseError, match=constraint):
            steps.close(run, scored(claimed.work_id, distribution_check=check))

    assert steps.value("SELECT count(*) FROM score") == 0


@pytest.mark.parametrize(
    "check",
    [
        ProcessingCheck("processing-1", NAN),
        ProcessingCheck("processing-1", INFINITY, ENHANCED),
        ProcessingCheck("processing-1", -0.1),
        ProcessingCheck("processing-1", 1.0, ENHANCED),
        ProcessingCheck(None, 2.0),
        ProcessingCheck("processing-1", None),
        ProcessingCheck(None, None, ENHANCED),
    ],
    ids=str,
)
def test_what_contradicts_the_distance_of_its_processing_is_never_stored(steps, running, check):
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        with pytest.raises(DatabaseError, match="ck_score_processing"):
            steps.close(run, scored(claimed.work_id, processing_check=check))

    assert steps.value("SELECT count(*) FROM score") == 0


def test_a_low_contrast_is_stored_with_a_distance_within_the_limit(steps, running):
    check = DistributionCheck("frontal-1", 0.4, LOW_CONTRAST)
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        steps.close(run, scored(claimed.work_id, distribution_check=check))

    assert steps.value("SELECT out_of_distribution FROM score") == LOW_CONTRAST
