"""A database with a model version, and the steps of a run on it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db import ledger, runs, scores
from db.engine import Database
from db.ledger import SeenObject
from severity.domain import MeasurementErrors, ModelVersion
from tests.builders.scores import INBOX, scored, version


@pytest.fixture
def model_version() -> ModelVersion:
    """The model version that scores; a module of tests may have another."""
    return version()


@pytest.fixture
def errors() -> MeasurementErrors | None:
    return None


@pytest.fixture
def model(database: Database, model_version: ModelVersion, errors: MeasurementErrors | None) -> int:
    with database.transaction() as session:
        return runs.register_model(session, model_version, errors)


@pytest.fixture
def enlist(database: Database, model: int) -> Callable[..., int]:
    def enlist(*contents: str) -> int:
        objects = [SeenObject(f"{content}.dcm", "f", content) for content in contents]
        with database.transaction() as session:
            return ledger.enlist(session, INBOX, objects, model_version_id=model)

    return enlist


@pytest.fixture
def running(database: Database, model: int) -> Callable[[], Iterator[UUID]]:
    """A run that shows its presence inside the block, and is dead after it, as after kill -9."""

    @contextmanager
    def running() -> Iterator[UUID]:
        run_id = uuid4()
        with runs.presence(database, run_id):
            with database.transaction() as session:
                runs.start_run(session, run_id, model_version_id=model, software="test")
            yield run_id
        _await_death(database, run_id)

    return running


def _await_death(database: Database, run_id: UUID) -> None:
    """Wait until PostgreSQL has noticed that the connection is gone; it takes a moment."""
    free = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:run, 0))")
    deadline = time.monotonic() + 20
    while True:
        with database.transaction() as session:
            if session.scalar(free, {"run": str(run_id)}):
                return
        assert time.monotonic() < deadline, "the presence of a dead run does not end"
        time.sleep(0.01)


@pytest.fixture
def claim(database: Database, model: int) -> Callable[..., list[ledger.Claim]]:
    def claim(run_id: UUID, limit: int = 10) -> list[ledger.Claim]:
        with database.transaction() as session:
            return ledger.claim(session, INBOX, run_id, model_version_id=model, limit=limit)

    return claim


@pytest.fixture
def claim_suspect(database: Database, model: int) -> Callable[[UUID], list[ledger.Claim]]:
    def claim_suspect(run_id: UUID) -> list[ledger.Claim]:
        with database.transaction() as session:
            return ledger.claim_suspect(session, INBOX, run_id, model_version_id=model)

    return claim_suspect


@pytest.fixture
def course(database, model, enlist, running, claim) -> Callable[..., None]:
    """Write images of a patient: one keyword dictionary each."""

    def course(*images: dict[str, object]) -> None:
        enlist(*(f"c{number}" for number in range(len(images))))
        with running() as run_id:
            outcomes = [
                scored(claimed.ledger_id, uid=f"1.{place}", pixels=f"px{place}", **image)
                for place, (claimed, image) in enumerate(zip(claim(run_id), images, strict=True))
            ]
            with database.transaction() as session:
                scores.close(session, run_id, outcomes, model_version_id=model)

    return course
