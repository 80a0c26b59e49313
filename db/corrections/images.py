"""Corrections of one image: whether it counts, and whose it is."""

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin
from db.corrections.patients import patient_id
from db.errors import RefusedCorrection
from db.ledger.waiting import let_wait


def withdraw(session: Session, author: Author, image_id: int) -> bool:
    """Take an image out of all trends; its scores stay, and what waits for it is dropped.

    Returns
    -------
    Whether it counted until now.

    Raises
    ------
    RefusedCorrection
        There is no such image, or another took its place.
    """
    begin(session, author, "image withdrawn")
    standing = of_image(session, _STANDING, image_id)
    if standing == "superseded":
        raise RefusedCorrection(f"image {image_id} is superseded by another: it counts in no trend")
    if standing == "withdrawn":
        return False
    values = {"image": image_id, "standing": "withdrawn"}
    session.execute(_DROP_WORK, values)
    session.execute(_STAND, values)
    return True


def restore(session: Session, author: Author, image_id: int) -> bool:
    """Let a withdrawn or superseded image count again, and wait for scores that it lacks.

    The image that took the place of a superseded one is superseded in turn. A file that a person
    let take the place of the image, and that has not done so, no longer may.

    Returns
    -------
    Whether that changed anything.

    Raises
    ------
    RefusedCorrection
        There is no such image.
    """
    begin(session, author, "image restored")
    standing = of_image(session, _STANDING, image_id)
    if standing == "superseded":
        _take_back_place(session, image_id)
    is_kept = bool(session.execute(_KEEP_PLACE, {"image": image_id}).all())
    if standing == "valid":
        return is_kept
    session.execute(_STAND, {"image": image_id, "standing": "valid"})
    let_wait(session, list(session.scalars(_OBJECT, {"image": image_id})))
    return True


def in_place_of(session: Session, image_id: int) -> list[int]:
    """List the valid images that are superseded in turn when a superseded one is restored."""
    values = {"image": image_id, "object": session.scalar(_OBJECT_BEFORE, {"image": image_id})}
    return list(session.scalars(_VALID, {"images": list(session.scalars(_RIVALS, values))}))


def move(session: Session, author: Author, image_id: int, patient_key: str) -> bool:
    """Let an image be of another patient, in the same study as before; its scores stay.

    Returns
    -------
    Whether it was another patient's until now.

    Raises
    ------
    RefusedCorrection
        There is no such image.
    """
    begin(session, author, "image moved")
    of_image(session, _STANDING, image_id)
    values = {"image": image_id, "patient": patient_id(session, patient_key)}
    session.execute(_ADD_STUDY, values)
    return bool(session.execute(_MOVE, values).all())


def of_image(session: Session, query: TextClause, image_id: int) -> str:
    """Return the value that a query selects of an ``:image``.

    Raises
    ------
    RefusedCorrection
        There is no such image.
    """
    value: str | None = session.scalar(query, {"image": image_id})
    if value is None:
        raise RefusedCorrection(f"there is no image {image_id}")
    return value


def _take_back_place(session: Session, image_id: int) -> None:
    """Accept the object of a superseded image again, instead of what took its place."""
    object_id = session.scalar(_OBJECT_BEFORE, {"image": image_id})
    if object_id is None:
        raise RefusedCorrection(f"the object of image {image_id} is no longer known")
    values = {"image": image_id, "object": object_id}
    rivals = {"rivals": list(session.scalars(_RIVALS, values))}
    for statement in (_DROP_RIVALS_WORK, _REJECT_RIVALS, _SUPERSEDE_RIVALS):
        session.execute(statement, rivals)
    session.execute(_ACCEPT, values)


_STANDING = text("SELECT standing FROM image WHERE id = :image")

_STAND = text("UPDATE image SET standing = CAST(:standing AS standing) WHERE id = :image")

_OBJECT = text("SELECT id FROM object WHERE image_id = :image")

_DROP_WORK = text(
    "DELETE FROM work USING object WHERE object.id = work.object_id AND object.image_id = :image"
)

# The event of its supersession names it; no index does, as nobody restores many.
_OBJECT_BEFORE = text(
    """
    SELECT correction.object_id FROM correction JOIN object ON object.id = correction.object_id
    WHERE CAST(before ->> 'image_id' AS bigint) = :image
        AND object.state = 'rejected' AND object.reason <> 'forgotten'
    ORDER BY correction.id DESC LIMIT 1
    """
)

# What is accepted in its place: the same identity, the same pixels, or the file that replaced it.
_RIVALS = text(
    """
    SELECT id FROM image
    WHERE standing <> 'superseded' AND image_uid = (SELECT image_uid FROM image WHERE id = :image)
    UNION SELECT id FROM image
    WHERE standing <> 'superseded'
        AND pixel_sha256 = (SELECT pixel_sha256 FROM image WHERE id = :image)
    UNION SELECT image_id FROM object WHERE replaces_id = :object AND image_id IS NOT NULL
    -- And what replaced it, or was replaced by it, before either was restored.
    UNION SELECT object.image_id FROM correction JOIN object ON object.id = correction.object_id
    WHERE CAST(before ->> 'replaces_id' AS bigint) = :object AND object.image_id IS NOT NULL
    UNION SELECT object.image_id FROM correction
    JOIN object ON object.id = CAST(before ->> 'replaces_id' AS bigint)
    WHERE correction.object_id = :object AND object.image_id IS NOT NULL
    """
)

_VALID = text(
    """
    SELECT id FROM image
    WHERE id = ANY (CAST(:images AS bigint[])) AND standing = 'valid' ORDER BY id
    """
)

# Released once more, a file is judged as any other: the ruling for it is taken back.
_KEEP_PLACE = text(
    """
    UPDATE object SET replaces_id = NULL
    FROM object AS kept
    WHERE kept.image_id = :image AND object.replaces_id = kept.id AND object.image_id IS NULL
    RETURNING object.id
    """
)

_DROP_RIVALS_WORK = text(
    """
    DELETE FROM work USING object
    WHERE object.id = work.object_id AND object.image_id = ANY (CAST(:rivals AS bigint[]))
    """
)

_REJECT_RIVALS = text(
    """
    UPDATE object SET
        state = 'rejected', reason = 'superseded', image_id = NULL, replaces_id = NULL,
        run_id = NULL, detail = 'the image whose place it took was restored',
        decided_at = clock_timestamp(), dismissed_at = now()
    WHERE image_id = ANY (CAST(:rivals AS bigint[]))
    """
)

_SUPERSEDE_RIVALS = text(
    "UPDATE image SET standing = 'superseded' WHERE id = ANY (CAST(:rivals AS bigint[]))"
)

_ACCEPT = text(
    """
    UPDATE object SET
        state = 'accepted', image_id = :image, run_id = NULL, reason = NULL, detail = NULL,
        dismissed_at = NULL, decided_at = clock_timestamp()
    WHERE id = :object
    """
)

_ADD_STUDY = text(
    """
    INSERT INTO study (patient_id, study_uid)
    SELECT :patient, study_uid FROM study JOIN image ON image.study_id = study.id
    WHERE image.id = :image
    ON CONFLICT DO NOTHING
    """
)

_MOVE = text(
    """
    UPDATE image SET study_id = target.id
    FROM study JOIN study AS target
        ON target.study_uid = study.study_uid AND target.patient_id = :patient
    WHERE image.id = :image AND study.id = image.study_id AND study.patient_id <> :patient
    RETURNING image.id
    """
)
