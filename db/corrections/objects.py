"""Corrections of what was rejected or has failed: judged again, or dismissed."""

from collections.abc import Sequence

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin
from db.errors import RefusedCorrection
from db.ledger.waiting import let_wait
from severity.domain import Reason


def release(
    session: Session, author: Author, object_ids: Sequence[int], *, instead_of: int | None = None
) -> list[int]:
    """Let rejected objects be judged again, by the next run; the reason stays in their history.

    Parameters
    ----------
    instead_of
        The image that the object, a single one, shall supersede if it has its identity: a person
        rules that this file is the right one.

    Returns
    -------
    Those that were released, each once.

    Raises
    ------
    RefusedCorrection
        One of them is not rejected, or is of a patient who was forgotten; or there is no such
        image.
    """
    begin(session, author, "rejection released")
    ids = sorted(set(object_ids))
    if instead_of is not None and len(ids) != 1:
        raise RefusedCorrection("one image is superseded by one object")
    replaced = None if instead_of is None else _object_of(session, instead_of)
    return _release(session, ids, replaced)


def release_reason(session: Session, author: Author, reason: Reason) -> list[int]:
    """Let all objects that were rejected for a reason be judged again, but for dismissed ones.

    Returns
    -------
    Those that were released.
    """
    begin(session, author, "rejection released")
    return _release(session, list(session.scalars(_OF_REASON, {"reason": reason.value})), None)


def release_failed(
    session: Session, author: Author, image_id: int, *, model_version: str | None = None
) -> int:
    """Let an image wait again for the model versions, or the one, that could not score it.

    Returns
    -------
    For how many it waits now that had failed.

    Raises
    ------
    RefusedCorrection
        There is no such image, or another took its place.
    """
    begin(session, author, "failure released")
    values = {"object": _object_of(session, image_id), "model": model_version}
    return len(session.execute(_RETRY, values).all())


def dismiss(session: Session, author: Author, object_ids: Sequence[int]) -> list[int]:
    """Mark rejected objects as seen to: they leave the list, and stay rejected.

    Returns
    -------
    Those that were not dismissed before.

    Raises
    ------
    RefusedCorrection
        One of them is not rejected.
    """
    return _mark(session, author, "rejection dismissed", _DISMISS, object_ids)


def undismiss(session: Session, author: Author, object_ids: Sequence[int]) -> list[int]:
    """Let dismissed objects be listed again.

    Returns
    -------
    Those that were dismissed before.

    Raises
    ------
    RefusedCorrection
        One of them is not rejected.
    """
    return _mark(session, author, "dismissal undone", _UNDISMISS, object_ids)


def _mark(
    session: Session, author: Author, what: str, statement: TextClause, object_ids: Sequence[int]
) -> list[int]:
    begin(session, author, what)
    ids = sorted(set(object_ids))
    _check_rejected(session, ids)
    return sorted(session.scalars(statement, {"objects": ids}))


def _release(session: Session, ids: list[int], replaced: int | None) -> list[int]:
    _check_rejected(session, ids)
    session.execute(_RECEIVE, {"objects": ids, "replaced": replaced})
    let_wait(session, ids)
    return ids


def _check_rejected(session: Session, ids: Sequence[int]) -> None:
    rejected = set(session.scalars(_REJECTED, {"objects": list(ids)}))
    if others := [row_id for row_id in ids if row_id not in rejected]:
        raise RefusedCorrection(f"not rejected, or forgotten: {', '.join(map(str, others))}")


def _object_of(session: Session, image_id: int) -> int:
    object_id: int | None = session.scalar(_OBJECT, {"image": image_id})
    if object_id is None:
        raise RefusedCorrection(f"there is no image {image_id}, or another took its place")
    return object_id


_OBJECT = text("SELECT id FROM object WHERE image_id = :image")

_REJECTED = text(
    """
    SELECT id FROM object
    WHERE id = ANY (CAST(:objects AS bigint[])) AND state = 'rejected' AND reason <> 'forgotten'
    """
)

_OF_REASON = text(
    """
    SELECT id FROM object
    WHERE state = 'rejected' AND reason = :reason AND reason <> 'forgotten'
        AND dismissed_at IS NULL
    ORDER BY id
    """
)

_RECEIVE = text(
    """
    UPDATE object SET
        state = 'received', reason = NULL, detail = NULL, run_id = NULL, decided_at = NULL,
        dismissed_at = NULL, replaces_id = coalesce(CAST(:replaced AS bigint), replaces_id)
    WHERE id = ANY (CAST(:objects AS bigint[]))
    """
)

_RETRY = text(
    """
    UPDATE work SET state = 'waiting', reason = NULL, detail = NULL, crashes = 0
    FROM model_version
    WHERE work.object_id = :object AND work.state = 'failed'
        AND model_version.id = work.model_version_id
        AND model_version.key = coalesce(:model, model_version.key)
    RETURNING work.id
    """
)

_DISMISS = text(
    """
    UPDATE object SET dismissed_at = now()
    WHERE id = ANY (CAST(:objects AS bigint[])) AND dismissed_at IS NULL
    RETURNING id
    """
)

_UNDISMISS = text(
    """
    UPDATE object SET dismissed_at = NULL
    WHERE id = ANY (CAST(:objects AS bigint[])) AND dismissed_at IS NOT NULL
    RETURNING id
    """
)
