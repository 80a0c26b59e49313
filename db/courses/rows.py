"""The rows of courses and summaries: those of persons are replaced as a whole."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.courses import binary_copy
from db.courses.binary_copy import Column


def erase(session: Session, model_version_id: int, person_ids: Sequence[int]) -> None:
    """Erase what is kept of persons' courses by one model version."""
    values = {"model": model_version_id, "persons": list(person_ids)}
    session.execute(_ERASE_COURSES, values)
    session.execute(_ERASE_SUMMARIES, values)


def write_courses(session: Session, columns: Mapping[str, Column]) -> None:
    """Write the courses of persons who have none: an array for each column of ``course``."""
    binary_copy.write(session, "course", columns)


def write_summaries(session: Session, columns: Mapping[str, Column]) -> None:
    """Write the summaries of persons who have none: an array for each column of their table."""
    binary_copy.write(session, "patient_summary", columns)


def write_without_parameters(
    session: Session, model_version_id: int, person_ids: Sequence[int]
) -> None:
    """Write summaries of persons without levels: of a model version that has no parameters."""
    values = {"model": model_version_id, "persons": list(person_ids)}
    session.execute(_WRITE_WITHOUT_PARAMETERS, values)


_WRITE_WITHOUT_PARAMETERS = text(
    """
    INSERT INTO patient_summary
        (person_id, model_version_id, model_version, latest_at, films, latest_view, calendar_known,
        latest_eligible, latest_unlike_processing)
    SELECT DISTINCT ON (person_id)
        person_id, :model, (SELECT key FROM model_version WHERE id = :model), acquired_at,
        count(*) OVER of_axis,
        CASE view WHEN 'PA' THEN 0 WHEN 'AP' THEN 1 WHEN 'AP supine' THEN 2 ELSE 3 END,
        acquired_source <> 'sidecar_offset', out_of_distribution IS NULL,
        unlike_processing IS NOT NULL
    FROM patient
    JOIN study ON study.patient_id = patient.id
    JOIN image ON image.study_id = study.id
    JOIN score ON score.image_id = image.id
    WHERE person_id = ANY (CAST(:persons AS bigint[])) AND model_version_id = :model
        AND standing = 'valid' AND acquired_at IS NOT NULL
    WINDOW of_axis AS (PARTITION BY person_id, acquired_source <> 'sidecar_offset')
    ORDER BY person_id, acquired_source = 'sidecar_offset', acquired_at DESC, image_uid DESC
    """
)

_ERASE_COURSES = text(
    """
    DELETE FROM course
    WHERE person_id = ANY (CAST(:persons AS bigint[])) AND model_version_id = :model
    """
)

_ERASE_SUMMARIES = text(
    """
    DELETE FROM patient_summary
    WHERE person_id = ANY (CAST(:persons AS bigint[])) AND model_version_id = :model
    """
)
