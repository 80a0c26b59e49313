"""What a person chose for the courses of one patient: the length of episodes, the baseline."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin
from db.errors import RefusedCorrection


@dataclass(frozen=True)
class Choice:
    """What was chosen for one person; None where nothing was.

    ``treatment_at`` is when the treatment starts before which the baseline lies, in microseconds
    since 2000, and ``calendar_known`` on which axis of time.
    """

    person_id: int
    episode_days: float | None
    baseline_image_id: int | None
    treatment_at: int | None
    calendar_known: bool | None


@dataclass(frozen=True)
class Baseline:
    """A chosen baseline: an image, or the last eligible one before an event; or neither."""

    image_id: int | None = None
    event_id: int | None = None


@dataclass(frozen=True)
class PersonalChoice:
    """What was chosen for a patient, as it was stated: what an undo states again."""

    baseline: Baseline = Baseline()
    episode_days: float | None = None


def of_patient(session: Session, patient_key: str) -> PersonalChoice:
    """Return what was chosen for the person that a patient counts as."""
    row = session.execute(_OF_PATIENT, {"patient": patient_key}).first()
    if row is None:
        return PersonalChoice()
    return PersonalChoice(Baseline(row.baseline_image_id, row.baseline_event_id), row.episode_days)


def of_persons(session: Session, person_ids: Sequence[int]) -> list[Choice]:
    """Return what was chosen for each of these persons for whom anything was."""
    rows = session.execute(_OF_PERSONS, {"persons": list(person_ids)})
    return [Choice(*row) for row in rows]


def choose_baseline(session: Session, author: Author, patient_key: str, chosen: Baseline) -> bool:
    """Compare a patient's courses with another baseline; with the usual one by `Baseline()`.

    Returns
    -------
    Whether that changed anything.

    Raises
    ------
    RefusedCorrection
        There is no such patient; the image or the event is not theirs, or cannot serve.
    """
    begin(session, author, "baseline chosen")
    values = {
        "person": person_id(session, patient_key),
        "image": chosen.image_id,
        "event": chosen.event_id,
    }
    if chosen.image_id is not None and not session.scalar(_CAN_BE_BASELINE, values):
        raise RefusedCorrection(
            f"image {chosen.image_id} is no valid, dated image of {patient_key} that is in "
            "distribution"
        )
    if chosen.event_id is not None and not session.scalar(_IS_OF_PERSON, values):
        raise RefusedCorrection(f"there is no event {chosen.event_id} of {patient_key}")
    return bool(session.execute(_CHOOSE_BASELINE, values).all())


def choose_episode(session: Session, author: Author, patient_key: str, days: float | None) -> bool:
    """Let a patient's episodes end after a gap of so many days; None: as of all others.

    Returns
    -------
    Whether that changed anything.

    Raises
    ------
    RefusedCorrection
        There is no such patient, or that is no number of days above 0.
    """
    begin(session, author, "episode chosen")
    if days is not None and not 0 < days < math.inf:
        raise RefusedCorrection(f"{days:g} is no number of days above 0")
    values = {"person": person_id(session, patient_key), "days": days}
    return bool(session.execute(_CHOOSE_EPISODE, values).all())


def person_id(session: Session, patient_key: str) -> int:
    """Return the id of the person that a patient counts as.

    Raises
    ------
    RefusedCorrection
        There is no such patient.
    """
    row_id: int | None = session.scalar(_PERSON, {"patient": patient_key})
    if row_id is None:
        raise RefusedCorrection(f"there is no patient {patient_key}")
    return row_id


_OF_PATIENT = text(
    """
    SELECT baseline_image_id, baseline_event_id, episode_days
    FROM patient JOIN course_choice ON course_choice.patient_id = person_id
    WHERE patient_key = :patient
    """
)

_OF_PERSONS = text(
    """
    SELECT course_choice.patient_id, episode_days, baseline_image_id,
        CAST(
            extract(
                epoch FROM event_start(starts_at, starts_is_date, zone)
                    - timestamptz '2000-01-01 00:00Z'
            ) * 1000000 AS bigint
        ),
        calendar_known
    FROM course_choice
    JOIN patient ON patient.id = course_choice.patient_id AND patient.merged_into_id IS NULL
    -- After a split an event of whoever was merged into this person is somebody else's.
    LEFT JOIN (event JOIN patient AS treated ON treated.id = event.patient_id)
        ON event.id = baseline_event_id AND NOT is_removed
            AND treated.person_id = course_choice.patient_id
    WHERE course_choice.patient_id = ANY (CAST(:persons AS bigint[]))
    """
)

_PERSON = text("SELECT person_id FROM patient WHERE patient_key = :patient")

_CAN_BE_BASELINE = text(
    """
    SELECT EXISTS (
        SELECT FROM image
        JOIN study ON study.id = image.study_id
        JOIN patient ON patient.id = study.patient_id
        JOIN score ON score.image_id = image.id
        WHERE image.id = :image AND patient.person_id = :person AND standing = 'valid'
            AND acquired_at IS NOT NULL AND out_of_distribution IS NULL
    )
    """
)

_IS_OF_PERSON = text(
    """
    SELECT EXISTS (
        SELECT FROM event JOIN patient ON patient.id = event.patient_id
        WHERE event.id = :event AND patient.person_id = :person AND NOT is_removed
    )
    """
)

_CHOOSE_BASELINE = text(
    """
    INSERT INTO course_choice AS kept (patient_id, baseline_image_id, baseline_event_id)
    SELECT :person, CAST(:image AS bigint), CAST(:event AS bigint)
    -- Nothing is chosen by a first row of nothing but NULL.
    WHERE num_nonnulls(CAST(:image AS bigint), CAST(:event AS bigint)) > 0
        OR EXISTS (SELECT FROM course_choice WHERE patient_id = :person)
    ON CONFLICT (patient_id) DO UPDATE SET
        baseline_image_id = excluded.baseline_image_id,
        baseline_event_id = excluded.baseline_event_id
    WHERE (kept.baseline_image_id, kept.baseline_event_id)
        IS DISTINCT FROM (excluded.baseline_image_id, excluded.baseline_event_id)
    RETURNING patient_id
    """
)

_CHOOSE_EPISODE = text(
    """
    INSERT INTO course_choice AS kept (patient_id, episode_days)
    SELECT :person, CAST(:days AS float8)
    WHERE CAST(:days AS float8) IS NOT NULL
        OR EXISTS (SELECT FROM course_choice WHERE patient_id = :person)
    ON CONFLICT (patient_id) DO UPDATE SET episode_days = excluded.episode_days
    WHERE kept.episode_days IS DISTINCT FROM excluded.episode_days
    RETURNING patient_id
    """
)
