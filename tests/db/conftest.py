"""A database with a source and a model version that is wanted there, and the steps of a run."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from db import calibrations, registration
from db.calibrations import StoredCalibration
from db.engine import Database
from db.ledger import sources
from db.ledger.claiming import Queue
from db.ledger.presence import Presence, start_run
from severity.domain import ModelVersion
from tests.builders.ledger import Steps, await_death
from tests.builders.scores import INBOX, scored, version

Running = Callable[..., AbstractContextManager[Presence]]


@pytest.fixture
def model_version() -> ModelVersion:
    """The model version that scores; a module of tests may have another."""
    return version()


@pytest.fixture
def calibration() -> StoredCalibration | None:
    return None


@pytest.fixture
def steps(
    database: Database, model_version: ModelVersion, calibration: StoredCalibration | None
) -> Steps:
    with database.transaction() as session:
        source = sources.register(session, INBOX, zone="UTC").id
        row_id = registration.register_model(session, model_version)
        calibrations.adopt(session, row_id, calibration)
        sources.want(session, source, model_version_id=row_id)
        sources.enlist_seen(session, source, model_version_id=row_id, limit=1)
    return Steps(database, Queue(source, row_id))


@pytest.fixture
def running(steps: Steps) -> Running:
    """A run that shows its presence inside the block, and is dead after it, as after kill -9."""

    @contextmanager
    def running(of: Steps = steps) -> Iterator[Presence]:
        with start_run(of.database, of.queue, software="test") as presence:
            yield presence
        await_death(of, presence.run_id)

    return running


@pytest.fixture
def course(steps: Steps, running: Running) -> Callable[..., None]:
    """Write images of a patient: one keyword dictionary each."""

    def course(*images: dict[str, object]) -> None:
        steps.enlist(*(f"c{number}" for number in range(len(images))))
        with running() as run:
            claims = steps.claim(run)
            steps.close(
                run,
                *(
                    scored(claimed.work_id, uid=f"1.{place}", pixels=f"px{place}", **image)
                    for place, (claimed, image) in enumerate(zip(claims, images, strict=True))
                ),
            )

    return course
