"""Courses, the worklist and responses as DataFrames, for notebooks: see docs/api.md.

These functions are the only ones whose names and columns stay from one version to the next. They
read the database that the environment names (``DATABASE_URL``, or the embedded one) as the reader's
role, which sees pseudonyms and writes nothing. Research use only, not for diagnosis.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from db.engine import Transaction
from db.reading import model_versions, tables
from db.reading.tables import Table
from flows.errors import UsageError
from flows.resources import Resources, current
from severity.domain import PatientId, Verdict

__all__ = ["courses", "responses", "worklist"]


def courses(
    patient: str | None = None, *, issuer: str = "", model_version: str | None = None
) -> pd.DataFrame:
    """Return the images of a patient, or of all, with level, band, probabilities and verdict.

    Parameters
    ----------
    patient
        The hospital's identifier, or a key such as ``p-1a2b...``. None for all patients.
    issuer
        Who issued the identifier, if the images name one.
    model_version
        The newest of the model that is set (``SEVERITY_MODEL``), if absent.

    Returns
    -------
    One row an image, oldest first; docs/api.md lists the columns with their units. Empty for a
    patient without a course.

    Raises
    ------
    UsageError
        No such model version has scores.
    """
    resources = current()
    with _reading(resources) as session:
        version = _version(session, resources, model_version)
        if patient is None:
            return _frame(tables.courses(session, version))
        return _frame(
            tables.course(session, resources.named_patient(PatientId(patient, issuer)), version)
        )


def worklist(
    limit: int = 50, *, verdict: Verdict | str | None = None, model_version: str | None = None
) -> pd.DataFrame:
    """Return the patients who are most probably worse than at their baseline, the worst first.

    Parameters
    ----------
    limit
        The most patients.
    verdict
        Only patients with this verdict of extent: ``worse``, ``better``, ``unchanged`` or
        ``cannot tell``.
    model_version
        As in `courses`.

    Returns
    -------
    One row a patient; docs/api.md lists the columns with their units.

    Raises
    ------
    UsageError
        No such model version has scores.
    ValueError
        There is no such verdict, or the limit is negative.
    """
    if limit < 0:
        raise ValueError(f"a limit of {limit} patients is negative")
    resources = current()
    chosen = None if verdict is None else Verdict(verdict).value
    with _reading(resources) as session:
        version = _version(session, resources, model_version)
        return _frame(tables.worklist(session, version, verdict=chosen, limit=limit))


def responses(
    patient: str | None = None,
    *,
    issuer: str = "",
    label: str | None = None,
    model_version: str | None = None,
) -> pd.DataFrame:
    """Return the level just before treatments, and days after their start.

    It describes what happened, not what the treatment caused: sicker patients are treated more
    (confounding by indication).

    Parameters
    ----------
    patient, issuer, model_version
        As in `courses`.
    label
        Only treatments of this name, as it was imported.

    Returns
    -------
    One row a treatment and day (0, 1, 3, 7, 14); docs/api.md lists the columns with their units.

    Raises
    ------
    UsageError
        No such model version has scores.
    """
    resources = current()
    with _reading(resources) as session:
        version = _version(session, resources, model_version)
        key = None if patient is None else resources.named_patient(PatientId(patient, issuer))
        return _frame(tables.responses(session, version, patient_key=key, label=label))


@contextmanager
def _reading(resources: Resources) -> Iterator[Transaction]:
    with resources.read_database().transaction() as session:
        tables.read_as_reader(session)
        yield session


def _version(session: Transaction, resources: Resources, model_version: str | None) -> str:
    versions = model_versions.with_scores(session, excluding="")
    if model_version is not None:
        chosen = [version for version in versions if version == model_version]
    else:
        own = model_versions.of_model(session, resources.settings.model)
        chosen = [version for version in own if version in versions]
    if not chosen:
        raise UsageError(
            f"no scores by {model_version or resources.settings.model}"
            + (f"; there are some by {', '.join(versions)}" if versions else "")
        )
    return chosen[-1]


def _frame(table: Table) -> pd.DataFrame:
    """Return a table as a DataFrame: times in UTC, probabilities and points as floats."""
    frame = pd.DataFrame.from_records(table.rows, columns=list(table.columns))
    for name in frame.columns:
        if name.endswith("_at"):
            frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame
