"""The outcomes of claimed objects, and which of them may be written. Pure: no SQL."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from severity.domain import ImageRecord, OutOfDistribution, Reason, Score, State
from severity.errors import ConflictingImage


@dataclass(frozen=True)
class Scored:
    """A claimed object that is an image, and its score."""

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
    """The ledger's state of an object now, and why its image is out of distribution, if it is."""

    ledger_id: int
    state: State
    reason: Reason | None = None
    out_of_distribution: OutOfDistribution | None = None


@dataclass
class KnownImage:
    """An image that is stored already, or comes before another in the batch."""

    image_uid: str
    pixel_sha256: str
    patient_key: str
    acquired_at: datetime | None
    is_scored: bool


def decide(
    batch: Iterable[Scored], stored: Iterable[KnownImage]
) -> tuple[list[Scored], list[Rejected]]:
    """Decide which images may be written, and reject those that repeat or contradict a known one.

    Parameters
    ----------
    batch
        Each image that may be written is known to those that follow it.
    stored
        The stored images that share their identity or their pixels with one of the batch.
    """
    by_uid = {image.image_uid: image for image in stored}
    by_pixels = {image.pixel_sha256: image for image in by_uid.values()}
    accepted, conflicts = [], []
    # Which of two files brings an image must not depend on which of them was read first.
    for scored in sorted(batch, key=lambda scored: (scored.record.image_uid, scored.ledger_id)):
        uid, pixels = scored.record.image_uid, scored.pixel_sha256
        image = by_uid.get(uid) or by_pixels.get(pixels)
        if image is None:
            at = scored.record.acquired.at
            image = KnownImage(uid, pixels, scored.patient_key, at, is_scored=False)
            by_uid[uid] = by_pixels[pixels] = image
        try:
            _check_same(image, scored)
        except ConflictingImage as conflict:
            conflicts.append(Rejected(scored.ledger_id, conflict.reason, str(conflict)))
        else:
            image.is_scored = True
            accepted.append(scored)
    return accepted, conflicts


def _check_same(known: KnownImage, scored: Scored) -> None:
    """Raise ConflictingImage if a score must not be written for an image that is known."""
    same_uid = known.image_uid == scored.record.image_uid
    if known.patient_key != scored.patient_key:
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
    if known.is_scored:
        raise ConflictingImage(
            Reason.DUPLICATE_IMAGE, "another file brought the same image; it is scored"
        )
