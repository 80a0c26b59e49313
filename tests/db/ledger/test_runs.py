"""Runs: registered model versions, presence, and what becomes of the claims of the dead."""

import pytest
from sqlalchemy import text

from db import calibrations, registration
from db.calibrations import KnownErrors, known_errors
from db.errors import DatabaseError
from db.ledger import claiming, runs
from severity.domain import Fate
from tests.builders.ledger import break_presence
from tests.builders.scores import CALIBRATION, ERRORS, digest, scored, version


def test_a_model_version_is_registered_once(database):
    with database.transaction() as session:
        first = registration.register_model(session, version())
        again = registration.register_model(session, version())
        other = registration.register_model(session, version(precision="bf16"))

    assert first == again != other


def test_a_model_versions_key_is_what_it_was_before_calibrations_were_kept_apart():
    """Another key would score the archive anew. As the first releases computed it."""
    assert version().key == "v1-fp32-683e02f8"


def test_a_calibration_is_replaced_without_a_new_model_version(database):
    newer = calibrations.StoredCalibration("d" * 64, ERRORS, CALIBRATION.margins)
    in_force = text("SELECT calibration_sha256, calibration FROM model_versions")
    with database.transaction() as session:
        row_id = registration.register_model(session, version())
        for calibration in (None, CALIBRATION, newer, CALIBRATION, CALIBRATION):
            calibrations.adopt(session, row_id, calibration)
            row = session.execute(in_force).one()
            assert row.calibration_sha256 == (calibration.sha256 if calibration else None)
        assert session.scalar(text("SELECT count(*) FROM calibration")) == 2

    assert known_errors(row.calibration) == KnownErrors(
        ERRORS, ERRORS.geographic_extent.smallest_detectable_change, None
    )


def test_a_model_version_never_speaks_by_the_calibration_of_another(database):
    with database.transaction() as session:
        calibrations.adopt(session, registration.register_model(session, version()), CALIBRATION)
        registration.register_model(session, version("v2"))

    with (
        pytest.raises(DatabaseError, match="fk_model_version_calibration"),
        database.transaction() as session,
    ):
        session.execute(text("UPDATE model_version SET calibration_id = 1"))


def test_claims_of_a_dead_run_are_released(steps, running):
    steps.enlist("a", "b")
    with running() as dead:
        assert len(steps.claim(dead)) == 2

    with running() as heir:
        assert steps.release() == 2
        assert len(steps.claim(heir)) == 2


def test_claims_of_a_run_that_lives_are_left_alone(steps, running):
    steps.enlist("a")
    with running() as run, running():
        steps.claim(run)
        assert steps.release() == 0
        assert not run.renew()


def test_a_run_whose_presence_broke_takes_it_again(steps, running):
    steps.enlist("a")
    with running() as run:
        (claimed,) = steps.claim(run)
        for _ in range(2):
            break_presence(steps, run)
            assert run.renew()
            assert not run.renew()
            assert steps.release() == 0
        assert steps.close(run, scored(claimed.work_id)) == {claimed.work_id: Fate.SCORED}
        # Nothing of a renewal is left open, which others would wait for.
        with steps.database.transaction() as session:
            runs.end_run(session, run.run_id, "finished")
    assert steps.value("SELECT state FROM run") == "finished"


def test_a_run_that_was_taken_for_dead_claims_nothing_until_it_shows_that_it_lives(steps, running):
    steps.enlist("a", "b")
    with running() as run:
        lost = steps.claim(run, 1)
        break_presence(steps, run)
        assert steps.release() == 1
        with pytest.raises(DatabaseError, match="taken for dead"):
            steps.claim(run)
        assert steps.close(run, scored(lost[0].work_id)) == {}

        assert run.renew()
        assert len(steps.claim(run)) == 2
        assert steps.release() == 0
    assert steps.release() == 2


def test_a_run_that_was_taken_for_dead_and_is_then_killed_leaves_nothing_claimed(steps, running):
    """Also what it claimed in the moment in which it was taken for dead."""
    steps.enlist("a", "b")
    with running() as run:
        steps.claim(run, 1)
        break_presence(steps, run)
        steps.release()
        # As if its claim had begun before the other run's release, and ended after it.
        steps.query(
            "UPDATE work SET state = 'claimed', run_id = :run WHERE id = 2 RETURNING id",
            run=run.run_id,
        )
    assert steps.release() == 1
    assert (steps.release(), steps.waiting()) == (0, 2)


def test_a_presence_that_cannot_be_renewed_is_renewed_later(steps, running, database_url):
    """The server is away for a while; a new connection alone is no presence."""
    with running() as run:
        break_presence(steps, run)
        engine = steps.database.engine
        steps.database.engine = unreachable = type(steps.database)(
            "postgresql://nobody@127.0.0.1:1/none"
        ).engine
        with pytest.raises(DatabaseError):
            run.renew()
        unreachable.dispose()
        steps.database.engine = engine
        steps.release()
        assert run.renew()
        assert steps.value("SELECT state FROM run") == "running"
        assert steps.release() == 0


def test_an_object_that_kills_every_worker_is_set_aside_for_all_model_versions(steps, running):
    other = steps.wanting(model=version("v2"))
    steps.enlist("deadly")
    for attempt in range(runs.MOST_CRASHES):
        with running() as victim:
            claim_next = steps.claim if attempt < claiming.SUSPECT_CRASHES else steps.claim_suspect
            assert len(claim_next(victim)) == 1
        steps.release()

    with running() as heir:
        assert steps.claim(heir) == steps.claim_suspect(heir) == []
    assert other.waiting() == 0
    assert steps.query("SELECT state, reason FROM object") == [("rejected", "crashed_worker")]
    assert steps.balance().rejected == 1


def test_an_accepted_image_that_kills_every_worker_fails_for_that_model_version(steps, running):
    steps.enlist("deadly for v2")
    with running() as run:
        steps.score(run)
    other = steps.wanting(model=version("v2"))
    for attempt in range(runs.MOST_CRASHES):
        with running(other) as victim:
            claim_next = other.claim if attempt < claiming.SUSPECT_CRASHES else other.claim_suspect
            assert len(claim_next(victim)) == 1
        other.release()

    assert other.query("SELECT state, reason FROM work") == [("failed", "crashed_worker")]
    failed = steps.balance().of(version("v2").key)
    assert (failed.failed, failed.scored) == (1, 0)


def test_suspects_are_never_claimed_with_others(steps, running):
    """They must not take others down with them if they kill the worker again."""
    steps.enlist("suspect", "another")
    for _ in range(claiming.SUSPECT_CRASHES):
        with running() as victim:
            steps.claim(victim)
        steps.release()
    steps.enlist("a", "b")

    with running() as careful:
        assert [claimed.content_sha256 for claimed in steps.claim(careful)] == [
            digest("a"),
            digest("b"),
        ]
        assert steps.claim(careful) == []
        alone = [len(steps.claim_suspect(careful)) for _ in range(3)]

    assert alone == [1, 1, 0]


def test_another_pseudonym_secret_is_refused(database):
    with database.transaction() as session:
        # Whoever only looks writes nothing.
        registration.check_pseudonyms(session, "fingerprint of one", first_use=False)
        assert session.scalar(text("SELECT count(*) FROM site")) == 0
        registration.check_pseudonyms(session, "fingerprint of one", first_use=True)
        registration.check_pseudonyms(session, "fingerprint of one", first_use=True)
        for first_use in (False, True):
            with pytest.raises(DatabaseError, match="SEVERITY_PSEUDONYM_KEY"):
                registration.check_pseudonyms(session, "of another", first_use=first_use)
