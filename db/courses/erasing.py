"""Erasing all that is kept of persons' courses, when they are forgotten."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.courses.due import lock_courses


def erase_persons(session: Session, patient_ids: Sequence[int]) -> None:
    """Erase courses, summaries, choices and that they are due; an update that is under way ends.

    It would otherwise write again what it had read before.
    """
    lock_courses(session)
    for statement in (_ERASE_DUE_IMAGES, *_ERASE):
        session.execute(statement, {"patients": list(patient_ids)})


_ERASE_DUE_IMAGES = text(
    """
    DELETE FROM course_due WHERE image_id IN (
        SELECT image.id FROM image JOIN study ON study.id = image.study_id
        WHERE study.patient_id = ANY (CAST(:patients AS bigint[]))
    )
    """
)

_ERASE = tuple(
    text(f"DELETE FROM {table} WHERE {column} = ANY (CAST(:patients AS bigint[]))")  # noqa: S608 - constants
    for table, column in (
        ("course", "person_id"),
        ("patient_summary", "person_id"),
        ("course_choice", "patient_id"),
        # Last: erasing scores and choices makes them due.
        ("course_due", "person_id"),
    )
)
