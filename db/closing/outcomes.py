"""The outcomes of claimed objects, and what they change. Pure: no SQL."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from severity.domain import Acquired, Fate, ImageRecord, OutOfDistribution, Reason, Score
from severity.errors import ConflictingImage


@dataclass(frozen=True)
class Scored:
    """A claimed object that is an image, and its score.

    ``station_key`` stands for the name of its device's station, which is never stored.
    ``unissued_key`` is the key that its patient would have without an issuer; empty without one.
    """

    work_id: int
    patient_key: str
    record: ImageRecord
    pixel_sha256: str
    score: Score
    station_key: str = ""
    unissued_key: str = ""


@dataclass(frozen=True)
class Rejected:
    """A claimed object that must not be scored, and why."""

    work_id: int
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Unreachable:
    """A claimed object that could not be read where it was seen, and why.

    ``object_key`` is None if no place of it was known. ``is_archived`` means that it lay in an
    archive, whose places are never listed: this one stays known.
    """

    work_id: int
    object_key: str | None
    detail: str
    is_archived: bool = False


Outcome = Scored | Rejected | Unreachable


@dataclass(frozen=True)
class Closed:
    """What became of a claimed object: why it was rejected or failed, or is out of distribution."""

    work_id: int
    fate: Fate
    reason: Reason | None = None
    out_of_distribution: OutOfDistribution | None = None


@dataclass(frozen=True)
class Claimed:
    """A claimed object as the ledger knows it.

    ``image_id`` is None until it is accepted; ``replaces_id`` is the object that a person lets it
    supersede.
    """

    object_id: int
    image_id: int | None = None
    replaces_id: int | None = None
    record_sha256: str = ""


@dataclass(frozen=True)
class KnownImage:
    """An image that is stored already, or comes before another in the batch.

    ``person_key`` is that of the patient whom its own was merged into, if it was. ``image_id`` is
    0 for an image of the batch, ``object_id`` for an image whose file is no longer known;
    ``record_sha256`` is its object's.
    """

    image_uid: str
    pixel_sha256: str
    person_key: str
    acquired: Acquired
    image_id: int = 0
    object_id: int = 0
    record_sha256: str = ""


@dataclass(frozen=True)
class Supersession:
    """A stored image that a new object takes the place of, under its own key.

    ``is_same_image`` means that the pixels are the same: the stored image stays, with what the
    new object says of its time and view. Else it was a part of the file, and the new object is
    the image.
    """

    scored: Scored
    image: KnownImage
    is_same_image: bool


@dataclass(frozen=True)
class Ruling:
    """What a batch of new images changes."""

    accepted: list[Scored] = field(default_factory=list)
    superseding: list[Supersession] = field(default_factory=list)
    conflicts: list[Rejected] = field(default_factory=list)


def decide(
    batch: Iterable[tuple[Scored, Claimed]],
    stored: Iterable[KnownImage],
    persons: Mapping[str, str],
    successions: AbstractSet[tuple[int, int]],
) -> Ruling:
    """Decide which new images may be stored, and which repeat or contradict a known one.

    Parameters
    ----------
    batch
        Images that nobody has judged. Each that may be stored is known to those that follow it.
    stored
        The stored images that share their identity or their pixels with one of the batch, or that
        lay under its key before and were described by the same record.
    persons
        The keys of patients who were merged into others, with the keys of those.
    successions
        Pairs of objects of these: one that lay under a key before, and the one that lies there now
        or that a person lets take its place.
    """
    # Which of two files is stored must not depend on which of them was read first.
    batch = sorted(batch, key=lambda item: (item[0].record.image_uid, item[0].work_id))
    new = [(scored, _new_image(scored, claimed, persons)) for scored, claimed in batch]
    known = _Known(stored, successions)
    ruling = Ruling()
    for scored, image in new:
        try:
            if successions and any(known.is_replaced(image, by=other) for _, other in new):
                raise _replaced()
            before = known.add(image)
        except ConflictingImage as conflict:
            ruling.conflicts.append(Rejected(scored.work_id, conflict.reason, str(conflict)))
            continue
        if before is None:
            ruling.accepted.append(scored)
        else:
            same = image.pixel_sha256 == before.pixel_sha256
            ruling.superseding.append(Supersession(scored, before, same))
    return ruling


def _new_image(scored: Scored, claimed: Claimed, persons: Mapping[str, str]) -> KnownImage:
    return KnownImage(
        scored.record.image_uid,
        scored.pixel_sha256,
        persons.get(scored.patient_key, scored.patient_key),
        scored.record.acquired,
        object_id=claimed.object_id,
        record_sha256=claimed.record_sha256,
    )


class _Known:
    """The images that a new one may repeat, contradict or supersede."""

    def __init__(
        self, stored: Iterable[KnownImage], successions: AbstractSet[tuple[int, int]]
    ) -> None:
        self._by_uid = {image.image_uid: image for image in stored}
        self._by_pixels = {image.pixel_sha256: image for image in self._by_uid.values()}
        self._successions = successions

    def is_replaced(self, image: KnownImage, *, by: KnownImage) -> bool:
        """Whether a later file of the same image, or the whole of it, lies where this one lay.

        Two files that exchanged their keys do not replace each other.
        """
        pair = (image.object_id, by.object_id)
        is_later = pair in self._successions and pair[::-1] not in self._successions
        return is_later and _is_same(image, by)

    def add(self, new: KnownImage) -> KnownImage | None:
        """Add an image, and return the stored one that it supersedes, if it does.

        Raises
        ------
        ConflictingImage
            It repeats or contradicts a known one.
        """
        before = self._replaced_by(new)
        for known in (self._by_uid.get(new.image_uid), self._by_pixels.get(new.pixel_sha256)):
            if known is not None and known is not before:
                raise _replaced() if self.is_replaced(new, by=known) else _conflict(known, new)
        if before is not None:
            del self._by_uid[before.image_uid], self._by_pixels[before.pixel_sha256]
        self._by_uid[new.image_uid] = self._by_pixels[new.pixel_sha256] = new
        return before

    def _replaced_by(self, new: KnownImage) -> KnownImage | None:
        if all(later != new.object_id for _, later in self._successions):
            return None  # as nearly always
        return next((old for old in self._by_uid.values() if self.is_replaced(old, by=new)), None)


def _is_same(old: KnownImage, new: KnownImage) -> bool:
    """Whether two files that lay under one key are the same image, or a part and the whole of it.

    A DICOM file names its image; a file with a sidecar is the image that its record describes. A
    file of another patient is never taken for the same image: a person decides.
    """
    if new.person_key != old.person_key:
        return False
    same_record = bool(new.record_sha256) and new.record_sha256 == old.record_sha256
    same_pixels_described_anew = bool(new.record_sha256) and new.pixel_sha256 == old.pixel_sha256
    return new.image_uid == old.image_uid or same_record or same_pixels_described_anew


def _replaced() -> ConflictingImage:
    return ConflictingImage(Reason.SUPERSEDED, "another file lies under the same key")


def _conflict(known: KnownImage, new: KnownImage) -> ConflictingImage:
    """Return why an image must not be stored beside a known one."""
    same_uid = known.image_uid == new.image_uid
    if known.person_key != new.person_key:
        return ConflictingImage(
            Reason.PATIENT_CONFLICT, "the same image is known, of another patient"
        )
    if same_uid and known.pixel_sha256 != new.pixel_sha256:
        return ConflictingImage(
            Reason.UID_CONFLICT, "an image with the same UID and other pixels is known"
        )
    if known.acquired.at != new.acquired.at:
        return ConflictingImage(Reason.TIME_CONFLICT, "the same image is known, of another time")
    if not same_uid:
        return ConflictingImage(Reason.DUPLICATE_IMAGE, "the same image is known under another UID")
    return ConflictingImage(Reason.DUPLICATE_IMAGE, "another file is the same image")
