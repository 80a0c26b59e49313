"""Whose courses must be computed anew: appended to by triggers, taken by the update of courses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

_COURSES = 7_205_991_846_306_021_003  # an arbitrary constant of this project


def lock_courses(session: Session) -> None:
    """Wait until no other transaction writes courses, and keep others out until this one ends.

    Two updates of one person would write the same rows. Whoever holds the ledger's lock may wait
    for this one, never the other way round; closing a batch needs neither courses nor this lock.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _COURSES})


@dataclass(frozen=True)
class Taken:
    """Whose courses were taken off the list of those who are due: ids, by model version.

    ``entries`` counts the entries of the list: a person may be on it several times.
    """

    entries: int
    persons: Mapping[int, Sequence[int]]


@dataclass(frozen=True)
class CourseCounts:
    """How many persons are ``due``, and of how many the courses rest on an older parameter set."""

    due: int
    outdated: int


def take(session: Session, *, limit: int) -> Taken:
    """Take persons off the list of those who are due.

    If the transaction fails they stay on it. What changes from now on makes them due once more, so
    that films must be read after this.

    Parameters
    ----------
    limit
        The most entries of the list that are taken; those for one person count each.
    """
    lock_courses(session)
    rows = session.execute(_TAKE, {"limit": limit}).all()
    return Taken(
        sum(row.entries for row in rows),
        {row.model_version_id: row.persons for row in rows if row.persons},
    )


def counts(session: Session) -> CourseCounts:
    """Count the persons whose courses are not as they should be, once for each model version."""
    return CourseCounts(
        session.execute(_COUNT).scalar_one(), session.execute(_COUNT_OUTDATED).scalar_one()
    )


def entries(session: Session) -> int:
    """Count the entries of the list of those who are due; `take` takes so many in all."""
    return int(session.execute(_ENTRIES).scalar_one())


def add_all(session: Session) -> None:
    """Make all persons due whose images any model version has scored."""
    session.execute(_ADD_ALL)


def add_outdated(session: Session, model_version_id: int | None = None) -> None:
    """Make those due whose courses rest on an older parameter set, unless they are already.

    Parameters
    ----------
    model_version_id
        None: by each model version.
    """
    session.execute(_ADD_OUTDATED, {"model": model_version_id})


_TAKE = text(
    """
    WITH taken AS (
        DELETE FROM course_due
        WHERE id IN (SELECT id FROM course_due ORDER BY id LIMIT :limit)
        RETURNING model_version_id, person_id, image_id
    )
    SELECT model_version_id, count(*) AS entries,
        array_agg(DISTINCT coalesce(due.person_id, patient.person_id))
            -- Nobody, of an image that was erased.
            FILTER (WHERE coalesce(due.person_id, patient.person_id) IS NOT NULL) AS persons
    FROM taken AS due
    LEFT JOIN image ON image.id = due.image_id
    LEFT JOIN study ON study.id = image.study_id
    LEFT JOIN patient ON patient.id = study.patient_id
    GROUP BY model_version_id ORDER BY model_version_id
    """
)

_COUNT = text(
    """
    SELECT count(*) FROM (
        SELECT DISTINCT coalesce(due.person_id, patient.person_id), model_version_id
        FROM course_due AS due
        LEFT JOIN image ON image.id = due.image_id
        LEFT JOIN study ON study.id = image.study_id
        LEFT JOIN patient ON patient.id = study.patient_id
    ) AS due
    """
)

_ENTRIES = text("SELECT count(*) FROM course_due")

_OUTDATED = """
    FROM patient_summary AS summary
    JOIN model_version ON model_version.id = summary.model_version_id
    WHERE summary.parameters_id IS DISTINCT FROM model_version.course_parameters_id
"""

_COUNT_OUTDATED = text(f"SELECT count(*) {_OUTDATED}")

_ADD_ALL = text(
    """
    INSERT INTO course_due (person_id, model_version_id)
    SELECT patient.id, scoring.id
    FROM patient CROSS JOIN (
        SELECT id FROM model_version
        WHERE EXISTS (
            SELECT FROM tally
            WHERE model_version_id = model_version.id AND what = 'scored' AND n > 0
        )
    ) AS scoring
    WHERE merged_into_id IS NULL ORDER BY scoring.id, patient.id
    """
)

_ADD_OUTDATED = text(
    f"""
    INSERT INTO course_due (person_id, model_version_id)
    SELECT person_id, model_version_id {_OUTDATED}
        AND model_version_id = coalesce(CAST(:model AS integer), model_version_id)
        AND NOT EXISTS (
            SELECT FROM course_due AS due
            WHERE due.person_id = summary.person_id
                AND due.model_version_id = summary.model_version_id
        )
    ORDER BY model_version_id, person_id
    """  # noqa: S608 - constants
)
