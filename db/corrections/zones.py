"""A corrected time zone: what the files of a source say is read anew, without the files."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin
from db.errors import RefusedCorrection

_WHAT = "zone corrected"
_CHUNK = 10_000  # images that are corrected by one statement; bounds memory


@dataclass(frozen=True)
class ZoneCorrection:
    """What became of the times of a source.

    ``images`` were read anew. ``uncertain`` is a part of them: their time lies in an hour that the
    old zone skipped in spring, so that their file may say one hour less.
    """

    images: int
    uncertain: int


def correct_zone(
    session: Session, author: Author, source_id: int, old: str, new: str
) -> ZoneCorrection:
    """Read the times of a source in another zone, where they were read in ``old``.

    A time whose file states its zone stays, and so does one that a person stated. What the clock
    showed twice, in autumn, is the first of the two, as when a file is read. Correcting back gives
    each image the time that it had, also where an hour was skipped.

    Raises
    ------
    RefusedCorrection
        A zone does not exist, or the source's times were not read in ``old``.
    """
    begin(session, author, _WHAT)
    zones = _zone(old), _zone(new)
    values = {"source": source_id, "old": old, "new": new}
    count = uncertain = 0
    for images in _chunks(session, values):
        originals = _originals(session, images, new)
        times = [originals.get(row_id) or read_anew(at, *zones) for row_id, at in images.items()]
        session.execute(_CORRECT, {"ids": list(images), "times": times, "new": new})
        count += len(images)
        uncertain += sum(
            may_be_skipped(at, zones[0]) for row_id, at in images.items() if row_id not in originals
        )
    is_of_source = bool(session.execute(_CORRECT_SOURCE, values).all())
    if not count and not is_of_source:
        raise RefusedCorrection(f"no time of this source was read in {old}")
    return ZoneCorrection(count, uncertain)


def source_id(session: Session, location: str) -> int:
    """Return the id of the source at a location.

    Raises
    ------
    RefusedCorrection
        There is none.
    """
    row_id: int | None = session.scalar(_SOURCE, {"location": location})
    if row_id is None:
        known = ", ".join(session.scalars(_SOURCES)) or "none"
        raise RefusedCorrection(f"there is no source {location}; known: {known}")
    return row_id


def read_anew(at: datetime, old: ZoneInfo, new: ZoneInfo) -> datetime:
    """Read what a clock in ``old`` showed as what a clock in ``new`` showed."""
    wall = at.astimezone(old).replace(tzinfo=new, fold=0)
    try:
        return wall.astimezone(UTC)
    except OverflowError:  # in the year 1 or 9999
        return at


def may_be_skipped(at: datetime, zone: ZoneInfo) -> bool:
    """Whether two times of a clock in ``zone`` are read as ``at``: one of them did not exist."""
    wall = at.astimezone(zone)
    offset, offset_before = wall.utcoffset(), (at - timedelta(days=1)).astimezone(zone).utcoffset()
    if offset is None or offset_before is None or offset <= offset_before:
        return False
    skipped = (wall.replace(tzinfo=None) - (offset - offset_before)).replace(tzinfo=zone)
    return skipped.astimezone(UTC) == at


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise RefusedCorrection(
            f"{name!r} is not an IANA time zone such as Europe/Berlin"
        ) from error


def _chunks(session: Session, values: dict[str, object]) -> Iterator[dict[int, datetime]]:
    """Yield the times that were read in the old zone, by image."""
    last = 0
    while rows := session.execute(_IMAGES, values | {"after": last, "limit": _CHUNK}).all():
        yield {row.id: row.acquired_at for row in rows}
        last = rows[-1].id


def _originals(session: Session, images: Mapping[int, datetime], new: str) -> dict[int, datetime]:
    """Find the times of the images that were read in the new zone before, by image."""
    changes: dict[int, list[Row[Any]]] = {}
    for change in session.execute(_CHANGES, {"images": list(images)}):
        changes.setdefault(change.image_id, []).append(change)
    originals = {
        row_id: _original(images[row_id], of_image, new) for row_id, of_image in changes.items()
    }
    return {row_id: at for row_id, at in originals.items() if at is not None}


def _original(at: datetime, changes: Iterable[Row[Any]], new: str) -> datetime | None:
    """Return an image's time when it was last in a zone; None if more than zones changed since.

    A change, oldest first, names what it changed: the time is in the first one from then on.
    """
    was_there, original = False, None
    for change in changes:
        if change.what != _WHAT:
            was_there = was_there and "acquired_at" not in change.before
            continue
        if change.before.get("acquired_zone") == new:
            was_there, original = True, None
        if was_there and original is None and "acquired_at" in change.before:
            original = datetime.fromisoformat(change.before["acquired_at"])
    return (original or at) if was_there else None


_IMAGES = text(
    """
    SELECT id, acquired_at FROM image
    WHERE source_id = :source AND acquired_zone = :old AND id > :after
        AND acquired_source NOT IN ('sidecar_offset', 'corrected', 'corrected_date', 'unknown')
    ORDER BY id LIMIT :limit
    """
)

_CHANGES = text(
    """
    SELECT image_id, what, before FROM correction
    WHERE image_id = ANY (CAST(:images AS bigint[]))
        AND (jsonb_exists(before, 'acquired_at') OR jsonb_exists(before, 'acquired_zone'))
    ORDER BY id
    """
)

_CORRECT = text(
    """
    UPDATE image SET acquired_at = corrected.acquired_at, acquired_zone = :new
    FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[]))
        AS corrected (image_id, acquired_at)
    WHERE image.id = corrected.image_id
    """
)

_CORRECT_SOURCE = text(
    "UPDATE source SET zone = :new WHERE id = :source AND zone = :old RETURNING id"
)

_SOURCE = text("SELECT id FROM source WHERE location = :location")

_SOURCES = text("SELECT location FROM source ORDER BY location")
