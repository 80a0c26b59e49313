"""Whose courses must be computed anew: appended to by triggers, taken by the update of courses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

PARTS = range(4)
"""The parts of persons: as many transactions may write courses at once, each of its own parts."""


def lock_courses(session: Session, parts: Iterable[int] = PARTS) -> None:
    """Wait until no other transaction writes courses of these parts, and keep others out.

    They are kept out until this one ends: two updates of one person would write the same rows.
    Whoever holds the ledger's lock may wait for this one, never the other way round; closing a
    batch needs neither courses nor this lock.
    """
    session.execute(_LOCK, {"parts": list(parts)})


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


def take(session: Session, *, limit: int, parts: Iterable[int] = PARTS) -> Taken:
    """Take persons off the list of those who are due.

    If the transaction fails they stay on it. What changes from now on makes them due once more, so
    that films must be read after this.

    Parameters
    ----------
    limit
        The most entries of the list that are taken; those for one person count each.
    parts
        Whose: the persons of these parts.
    """
    parts = list(parts)
    lock_courses(session, parts)
    rows = session.execute(_TAKE, {"limit": limit, "parts": parts}).all()
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


_LOCK = text("SELECT lock_courses(:parts)")

# The person of an entry, by a query of its own for each: PostgreSQL might join all images else. It
# is nobody, in the first part, if the image was erased.
_TAKE = text(
    """
    WITH own AS (
        SELECT due.id, due.model_version_id, of_entry.person_id
        FROM course_due AS due CROSS JOIN LATERAL (
            SELECT coalesce(
                due.person_id,
                (
                    SELECT patient.person_id
                    FROM image
                    JOIN study ON study.id = image.study_id
                    JOIN patient ON patient.id = study.patient_id
                    WHERE image.id = due.image_id
                )
            )
        ) AS of_entry (person_id)
        WHERE part_of(coalesce(of_entry.person_id, 0)) = ANY (:parts)
        ORDER BY due.id LIMIT :limit
        -- An image that is merged into another part meanwhile may be taken for that.
        FOR UPDATE OF due SKIP LOCKED
    ), taken AS (
        DELETE FROM course_due WHERE id IN (SELECT id FROM own)
    )
    SELECT model_version_id, count(*) AS entries,
        array_agg(DISTINCT person_id) FILTER (WHERE person_id IS NOT NULL) AS persons
    FROM own GROUP BY model_version_id ORDER BY model_version_id
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
