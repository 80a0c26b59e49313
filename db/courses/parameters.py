"""Parameter sets of courses: adopted by a model version, and kept once courses rest on them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.courses import due
from severity.domain import Scale


@dataclass(frozen=True)
class StoredParameters:
    """A parameter set for the database; ``content`` is its text as JSON, ``sha256`` names it.

    ``derivation`` names what it was derived from, and how; None if it was learned here.
    """

    sha256: str
    origin: str
    content: str
    patients: int = 0
    films: int = 0
    derivation: str | None = None


@dataclass(frozen=True)
class AdoptedParameters:
    """The parameter set that a model version's courses rest on, and the id of its row.

    With the ends of the version's scales, in points.
    """

    id: int
    model_version: str
    content: str
    extent_scale: Scale
    opacity_scale: Scale


@dataclass(frozen=True)
class VersionParameters:
    """A model version that has courses, and the text of its parameter set as JSON."""

    model_version_id: int
    content: str


@dataclass(frozen=True)
class ParameterHistory:
    """A parameter set that was ever adopted by a model version; counts are in persons."""

    model_version: str
    sha256: str
    origin: str
    patients: int
    films: int
    registered_at: datetime
    is_current: bool
    courses: int


def adopt(session: Session, model_version_id: int, chosen: StoredParameters) -> bool:
    """Let a model version's courses rest on this set from now on.

    The first set makes everybody due; after another, courses rest on the set before until they are
    computed anew (`db.courses.due.add_outdated`). A version without a set has summaries without
    levels.

    Returns
    -------
    Whether it rested on another set, or on none, until now.
    """
    before = adopted(session, model_version_id)
    values = {"model": model_version_id, **vars(chosen)}
    session.execute(_STORE, values)
    changed = bool(session.execute(_ADOPT, values).all())
    if changed and before is None:
        due.add_outdated(session, model_version_id)
    return changed


def adopted(session: Session, model_version_id: int) -> AdoptedParameters | None:
    """Return the set that a model version's courses rest on; None if there is none."""
    row = session.execute(_ADOPTED, {"model": model_version_id}).first()
    if row is None:
        return None
    extent, opacity = (Scale(**row.scales[name]) for name in ("geographic_extent", "opacity"))
    return AdoptedParameters(row.id, row.key, row.content, extent, opacity)


def versions(session: Session) -> list[VersionParameters]:
    """List the model versions that have courses, the newest first."""
    return [VersionParameters(*row) for row in session.execute(_VERSIONS)]


def newest_learned(session: Session, model_version_id: int) -> tuple[str, datetime] | None:
    """Return the newest set that was learned here, as JSON, and when; None without one."""
    row = session.execute(_NEWEST_LEARNED, {"model": model_version_id}).first()
    return (row.content, row.registered_at) if row else None


def derived(session: Session, model_version_id: int, derivation: str) -> StoredParameters | None:
    """Return the set that was derived in this way before; None if none was."""
    values = {"model": model_version_id, "derivation": derivation}
    row = session.execute(_DERIVED, values).mappings().first()
    return StoredParameters(**row) if row else None


def history(session: Session) -> list[ParameterHistory]:
    """List all sets of all model versions, oldest first."""
    return [ParameterHistory(**row) for row in session.execute(_HISTORY).mappings()]


_STORE = text(
    """
    INSERT INTO course_parameters
        (model_version_id, patients, films, origin, sha256, derivation, content)
    SELECT :model, :patients, :films, :origin, :sha256, :derivation, CAST(:content AS jsonb)
    WHERE NOT EXISTS (
        SELECT FROM course_parameters WHERE model_version_id = :model AND sha256 = :sha256
    )
    ON CONFLICT DO NOTHING
    """
)

_ADOPT = text(
    """
    UPDATE model_version SET course_parameters_id = stored.id
    FROM course_parameters AS stored
    WHERE model_version.id = :model AND stored.model_version_id = :model
        AND stored.sha256 = :sha256
        AND model_version.course_parameters_id IS DISTINCT FROM stored.id
    RETURNING stored.id
    """
)

_ADOPTED = text(
    """
    SELECT stored.id, model_version.key, CAST(content AS text) AS content, scales
    FROM model_version JOIN course_parameters AS stored ON stored.id = course_parameters_id
    WHERE model_version.id = :model
    """
)

_VERSIONS = text(
    """
    SELECT model_version.id, CAST(content AS text)
    FROM model_version JOIN course_parameters AS stored ON stored.id = course_parameters_id
    ORDER BY model_version.id DESC
    """
)

_NEWEST_LEARNED = text(
    """
    SELECT CAST(content AS text) AS content, registered_at FROM course_parameters
    WHERE model_version_id = :model AND derivation IS NULL ORDER BY id DESC LIMIT 1
    """
)

_DERIVED = text(
    """
    SELECT sha256, origin, CAST(content AS text) AS content, patients, films, derivation
    FROM course_parameters WHERE model_version_id = :model AND derivation = :derivation
    """
)

_HISTORY = text(
    """
    SELECT model_version.key AS model_version, sha256, origin, patients, films,
        stored.registered_at, stored.id = course_parameters_id AS is_current,
        coalesce(courses.n, 0) AS courses
    FROM course_parameters AS stored
    JOIN model_version ON model_version.id = stored.model_version_id
    LEFT JOIN (
        SELECT parameters_id, count(*) AS n FROM patient_summary GROUP BY parameters_id
    ) AS courses ON courses.parameters_id = stored.id
    ORDER BY stored.id
    """
)
