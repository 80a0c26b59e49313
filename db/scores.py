"""Writing scores: each with the ledger state that it closes, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import Image, LedgerEntry, Patient, ScoreRow, Study
from severity.domain import ImageRecord, Reason, Score, State
from severity.errors import ConflictingImage


@dataclass(frozen=True)
class Scored:
    """A claimed object that turned out to be an image, and its score."""

    ledger_id: int
    patient_key: str
    record: ImageRecord
    pixel_sha256: str
    score: Score


@dataclass(frozen=True)
class Rejected:
    """A claimed object that must not be scored, and why."""

    ledger_id: int
    reason: Reason
    detail: str


Outcome = Scored | Rejected


@dataclass(frozen=True)
class Closed:
    """What the ledger says of an object now."""

    ledger_id: int
    state: State
    reason: Reason | None = None


def close(
    session: Session, run_id: UUID, outcomes: Iterable[Outcome], *, model_version_id: int
) -> list[Closed]:
    """Write scores and rejections, and close their claims.

    What the run no longer holds (its claim was released, because it seemed dead) is left to
    whoever holds it now. What contradicts an image that is already known is rejected here,
    with the reason.

    Returns
    -------
    What was closed; shorter than ``outcomes`` if claims were lost.
    """
    ordered = sorted(outcomes, key=_order)
    held = _held(session, run_id, [outcome.ledger_id for outcome in ordered])
    return [
        _close(session, run_id, outcome, model_version_id)
        for outcome in ordered
        if outcome.ledger_id in held
    ]


def _order(outcome: Outcome) -> tuple[str, int]:
    # The order in which images are inserted is the same in every run: two runs that bring
    # the same images in different batches then cannot wait for each other.
    uid = outcome.record.image_uid if isinstance(outcome, Scored) else ""
    return uid, outcome.ledger_id


def _held(session: Session, run_id: UUID, ledger_ids: Sequence[int]) -> set[int]:
    """Lock the entries that the run still holds, until the end of the transaction."""
    return set(
        session.scalars(
            select(LedgerEntry.id)
            .where(
                LedgerEntry.id.in_(ledger_ids),
                LedgerEntry.state == State.CLAIMED,
                LedgerEntry.run_id == run_id,
            )
            .order_by(LedgerEntry.id)
            .with_for_update()
        )
    )


def _close(session: Session, run_id: UUID, outcome: Outcome, model_version_id: int) -> Closed:
    match outcome:
        case Rejected():
            return _reject(session, outcome)
        case Scored():
            try:
                image_id = _write(session, run_id, outcome, model_version_id)
            except ConflictingImage as conflict:
                rejected = Rejected(outcome.ledger_id, conflict.reason, str(conflict))
                return _reject(session, rejected)
            _update(session, outcome.ledger_id, state=State.SCORED, image_id=image_id)
            return Closed(outcome.ledger_id, State.SCORED)


def _reject(session: Session, rejected: Rejected) -> Closed:
    _update(
        session,
        rejected.ledger_id,
        state=State.QUARANTINED,
        reason=rejected.reason.value,
        detail=rejected.detail,
    )
    return Closed(rejected.ledger_id, State.QUARANTINED, rejected.reason)


def _update(session: Session, ledger_id: int, **values: object) -> None:
    session.execute(
        update(LedgerEntry)
        .where(LedgerEntry.id == ledger_id)
        .values(closed_at=func.clock_timestamp(), **values)
    )


def _write(session: Session, run_id: UUID, scored: Scored, model_version_id: int) -> int:
    image = _image(session, scored)
    written = session.scalar(
        insert(ScoreRow)
        .values(
            image_id=image.id,
            patient_id=image.patient_id,
            model_version_id=model_version_id,
            run_id=run_id,
            geographic_extent=scored.score.geographic_extent,
            opacity=scored.score.opacity,
            geographic_extent_raw=scored.score.geographic_extent_raw,
            opacity_raw=scored.score.opacity_raw,
            acquired_at=image.acquired_at,
            acquired_source=image.acquired_source,
        )
        .on_conflict_do_nothing()
        .returning(ScoreRow.id)
    )
    if written is None:
        raise ConflictingImage(
            Reason.DUPLICATE_IMAGE, "another file brought the same image; it is scored"
        )
    return image.id


def _image(session: Session, scored: Scored) -> Image:
    """Return the image's row, new or known.

    Raises
    ------
    ConflictingImage
        The identity or the pixels are known, but not together, or not of this patient and time.
    """
    record = scored.record
    patient_id = _patient(session, scored.patient_key)
    session.execute(
        insert(Image)
        .values(
            patient_id=patient_id,
            study_id=_study(session, patient_id, record.study_uid),
            image_uid=record.image_uid,
            pixel_sha256=scored.pixel_sha256,
            view=record.view,
            acquired_at=record.acquired.at,
            acquired_source=record.acquired.source,
            acquired_zone=record.acquired.zone,
            simulated=record.simulated,
        )
        .on_conflict_do_nothing()
    )
    same = or_(Image.image_uid == record.image_uid, Image.pixel_sha256 == scored.pixel_sha256)
    known = session.scalars(
        select(Image).where(same).order_by(Image.image_uid != record.image_uid)
    ).first()
    if known is None:
        raise LookupError("an image that was inserted, or was in its way, is not there")
    _check_same(known, scored, patient_id)
    return known


def _check_same(known: Image, scored: Scored, patient_id: int) -> None:
    same_uid = known.image_uid == scored.record.image_uid
    if known.patient_id != patient_id:
        raise ConflictingImage(
            Reason.PATIENT_CONFLICT, "the same image is known, of another patient"
        )
    if same_uid and known.pixel_sha256 != scored.pixel_sha256:
        raise ConflictingImage(
            Reason.UID_CONFLICT, "an image with the same UID and other pixels is known"
        )
    if known.acquired_at != scored.record.acquired.at:
        raise ConflictingImage(Reason.TIME_CONFLICT, "the same image is known, of another time")
    if not same_uid:
        raise ConflictingImage(Reason.DUPLICATE_IMAGE, "the same image is known under another UID")


def _patient(session: Session, patient_key: str) -> int:
    session.execute(insert(Patient).values(patient_key=patient_key).on_conflict_do_nothing())
    return session.scalars(select(Patient.id).where(Patient.patient_key == patient_key)).one()


def _study(session: Session, patient_id: int, study_uid: str) -> int:
    session.execute(
        insert(Study).values(patient_id=patient_id, study_uid=study_uid).on_conflict_do_nothing()
    )
    same = (Study.patient_id == patient_id, Study.study_uid == study_uid)
    return session.scalars(select(Study.id).where(*same)).one()
