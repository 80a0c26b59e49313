"""Bridges between model versions: the films that both scored, and what was learned of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.courses import binary_copy

MOST_PATIENTS = 20_000
"""The most patients whose films a bridge is learned from: of more, always the same."""


@dataclass(frozen=True)
class BridgedVersion:
    """A model version with what is known of its errors, as JSON values; None where nothing is.

    ``parameters`` is the text of the parameter set that its courses rest on.
    """

    id: int
    calibration: dict[str, Any] | None
    parameters: str | None


@dataclass(frozen=True, eq=False)
class CommonFilms:
    """Valid images that two versions scored, arrays of shape (N,); simulated ones are left out.

    Points are before they are clipped; ``eligible`` are in distribution for both.
    """

    patients: NDArray[np.int64]
    former_extent: NDArray[np.float64]
    current_extent: NDArray[np.float64]
    former_opacity: NDArray[np.float64]
    current_opacity: NDArray[np.float64]
    eligible: NDArray[np.bool_]


def version(session: Session, key: str) -> BridgedVersion:
    """Return a model version by its key.

    Raises
    ------
    LookupError
        There is none.
    """
    row = session.execute(_VERSION, {"key": key}).first()
    if row is None:
        raise LookupError(f"no model version {key}")
    return BridgedVersion(row.id, row.calibration, row.parameters)


def common_films(session: Session, former_id: int, current_id: int) -> CommonFilms:
    """Read the films that two model versions scored, of at most `MOST_PATIENTS` patients."""
    values = {"former": former_id, "current": current_id, "patients": MOST_PATIENTS}
    persons = ",".join(map(str, session.scalars(_PERSONS, values)))
    query = _COMMON.format(persons=persons, former=int(former_id), current=int(current_id))
    return CommonFilms(**binary_copy.read(session, query, _COLUMNS))


def store(
    session: Session, versions: tuple[int, int], content: str, *, films: tuple[int, int], who: str
) -> int:
    """Keep a bridge, which readers use from now on; return its number.

    Parameters
    ----------
    versions
        The ids of the former and of the current model version.
    content
        The bridge as JSON.
    films
        How many patients and films it was learned from.
    """
    values = {
        "former": versions[0],
        "current": versions[1],
        "content": content,
        "patients": films[0],
        "films": films[1],
        "who": who,
    }
    return int(session.execute(_STORE, values).scalar_one())


_VERSION = text(
    """
    SELECT model_version.id, calibration.content AS calibration,
        CAST(course_parameters.content AS text) AS parameters
    FROM model_version
    LEFT JOIN calibration ON calibration.id = calibration_id
    LEFT JOIN course_parameters ON course_parameters.id = course_parameters_id
    WHERE key = :key
    """
)

_PERSONS = text(
    """
    SELECT person_id FROM patient_summary AS newer
    WHERE model_version_id = :current AND EXISTS (
        SELECT FROM patient_summary AS former
        WHERE former.person_id = newer.person_id AND former.model_version_id = :former
    )
    ORDER BY hashint8extended(person_id, 0), person_id LIMIT :patients
    """
)

_COLUMNS = {
    "patients": np.int64,
    "former_extent": np.float64,
    "current_extent": np.float64,
    "former_opacity": np.float64,
    "current_opacity": np.float64,
    "eligible": np.bool_,
}

_COMMON = """
    SELECT patient.person_id, former.geographic_extent_raw, newer.geographic_extent_raw,
        former.opacity_raw, newer.opacity_raw,
        former.out_of_distribution IS NULL AND newer.out_of_distribution IS NULL
    FROM patient
    JOIN study ON study.patient_id = patient.id
    JOIN image ON image.study_id = study.id
    JOIN score AS former ON former.image_id = image.id AND former.model_version_id = {former}
    JOIN score AS newer ON newer.image_id = image.id AND newer.model_version_id = {current}
    WHERE patient.person_id = ANY (CAST('{{{persons}}}' AS bigint[]))
        AND image.standing = 'valid' AND NOT image.simulated
    ORDER BY patient.person_id, image.id
"""

_STORE = text(
    """
    INSERT INTO bridge (former_id, current_id, patients, films, learned_by, content)
    VALUES (:former, :current, :patients, :films, :who, CAST(:content AS jsonb))
    RETURNING id
    """
)
