import pytest
from sqlalchemy import text

from db import ledger, runs
from db.errors import DatabaseError
from db.measurement_errors import KnownErrors, from_plain
from tests.builders.scores import CALIBRATION, ERRORS, version


def test_a_model_version_is_registered_once(database):
    with database.transaction() as session:
        first = runs.register_model(session, version())
        again = runs.register_model(session, version())
        other = runs.register_model(session, version(precision="bf16"))

    assert first == again != other


def test_a_version_is_kept_with_its_calibration_and_its_errors(database):
    calibrated = version(calibration_sha256=CALIBRATION)
    with database.transaction() as session:
        plain = runs.register_model(session, version())
        other = runs.register_model(session, calibrated, ERRORS)
        again = runs.register_model(session, calibrated, ERRORS)
        rows = session.execute(
            text("SELECT calibration_sha256, measurement_error FROM model_version ORDER BY id")
        ).all()

    assert plain != other == again
    assert rows[0] == (None, None)
    assert rows[1].calibration_sha256 == CALIBRATION
    assert from_plain(rows[1].measurement_error) == KnownErrors(
        ERRORS, ERRORS.geographic_extent.smallest_detectable_change, None
    )


@pytest.mark.parametrize(
    ("calibration", "errors"), [(CALIBRATION, None), ("", ERRORS)], ids=["errors", "calibration"]
)
def test_a_calibration_and_its_errors_are_registered_together_or_not_at_all(
    database, calibration, errors
):
    """The row is never updated: what it lacks, its trends would lack for good."""
    half = version(calibration_sha256=calibration)
    with (
        pytest.raises(DatabaseError, match="ck_model_version_calibrated"),
        database.transaction() as session,
    ):
        runs.register_model(session, half, errors)


def test_claims_of_a_dead_run_are_released(database, enlist, running, claim):
    enlist("a", "b")
    with running() as dead:
        assert len(claim(dead)) == 2

    with running() as heir:
        with database.transaction() as session:
            assert runs.release_abandoned(session) == 2
        assert len(claim(heir)) == 2


def test_claims_of_a_run_that_lives_are_left_alone(database, enlist, running, claim):
    enlist("a")
    with running() as run_id, running():
        claim(run_id)
        with database.transaction() as session:
            assert runs.release_abandoned(session) == 0


def test_a_run_that_fails_in_good_order_releases_its_claims(database, enlist, running, claim):
    enlist("a")
    for _ in range(runs.MOST_CLAIMS + 1):  # the inbox was out of reach for a week, say
        with running() as failing:
            assert len(claim(failing)) == 1
            with database.transaction() as session:
                runs.end_run(session, failing, "failed")
        with database.transaction() as session:
            assert runs.release_abandoned(session) == 0


def test_an_object_that_kills_every_worker_is_set_aside(
    database, enlist, running, claim, claim_suspect
):
    enlist("deadly")
    for attempt in range(runs.MOST_CLAIMS):
        with running() as victim:
            claim_next = claim if attempt < ledger.SUSPECT_CLAIMS else claim_suspect
            assert len(claim_next(victim)) == 1
        with database.transaction() as session:
            runs.release_abandoned(session)

    with running() as heir:
        assert claim(heir) == claim_suspect(heir) == []
    with database.transaction() as session:
        assert session.execute(text("SELECT state, reason FROM ledger")).one() == (
            "quarantined",
            "crashed_worker",
        )


def test_suspects_are_never_claimed_with_others(database, enlist, running, claim, claim_suspect):
    """They must not take others down with them if they kill the worker again."""
    enlist("suspect", "another")
    for _ in range(ledger.SUSPECT_CLAIMS):
        with running() as victim:
            claim(victim)
        with database.transaction() as session:
            runs.release_abandoned(session)
    enlist("a", "b")

    with running() as careful:
        assert [claimed.content_sha256 for claimed in claim(careful)] == ["a", "b"]
        assert claim(careful) == []
        alone = [[claimed.content_sha256 for claimed in claim_suspect(careful)] for _ in range(3)]

    assert alone == [["suspect"], ["another"], []]


def test_another_pseudonym_secret_is_refused(database):
    with database.transaction() as session:
        runs.check_pseudonyms(session, "fingerprint of one")
        runs.check_pseudonyms(session, "fingerprint of one")
        with pytest.raises(DatabaseError, match="SEVERITY_PSEUDONYM_KEY"):
            runs.check_pseudonyms(session, "fingerprint of another")
