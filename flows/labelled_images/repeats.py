"""Repeat images of a labelled folder: of one patient within 24 hours, scored by readers or not.

``metadata.csv`` states the time as ``offset`` (or ``offset_days``), in days since the patient's
day 0, or as ``acquired_at``, an ISO 8601 date or date and time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from flows.labelled_images.folder import METADATA
from flows.labelled_images.image_files import find_if_inside
from severity.errors import UnreadableSidecar
from severity.evaluation.repeatability import Moment, repeat_sets
from severity.files.sidecar import SidecarRecord, parse_sidecar
from severity.vocabulary.numbers import parse_number

_MOST_SETS = 200
"""The most sets of repeats that are scored; more would hardly narrow the interval."""

_HOURS = 24
_DATE_ALONE = len("2020-03-01")


@dataclass(frozen=True)
class DatedImage:
    """One image with its record in the table and the time when it was taken."""

    path: Path
    record: SidecarRecord
    moment: Moment


@dataclass(frozen=True)
class Dated:
    """Images that may repeat another one, and a note for the reader of the numbers."""

    images: tuple[DatedImage, ...] = ()
    note: str = ""


def read_repeats(folder: Path) -> Dated:
    """Find the images of one patient within 24 hours, as far as their times are known.

    Copies of one exposure are not left out here. A table that cannot be read is no error: the
    note then states why there are no repeats.
    """
    path = folder / METADATA
    try:
        records = parse_sidecar(path.name, path.read_bytes())
    except OSError:
        return Dated(note=f"There is no {METADATA}, so no image is known to repeat another.")
    except UnreadableSidecar as error:
        return Dated(note=f"No image is known to repeat another: {error}.")
    dated = [image for image in _dated(folder, records) if image.record.patient_id]
    if not dated:
        return Dated(
            note=f"{METADATA} has no patients with offset, offset_days or acquired_at for images "
            "that are here, so none is known to repeat another."
        )
    sets = repeat_sets(
        [image.record.patient_id for image in dated], [image.moment for image in dated]
    )
    note = f"Of {len(sets)} sets of repeats, the first {_MOST_SETS} were scored."
    return Dated(
        tuple(dated[place] for images in sets[:_MOST_SETS] for place in images),
        note if len(sets) > _MOST_SETS else "",
    )


def _dated(folder: Path, records: Mapping[str, SidecarRecord]) -> list[DatedImage]:
    images: dict[Path, DatedImage] = {}
    for name, record in records.items():
        moment = moment_of(record)
        path = find_if_inside(folder, name) if moment else None
        if path and moment:
            images.setdefault(path, DatedImage(path, record, moment))
    return list(images.values())


def moment_of(record: SidecarRecord) -> Moment | None:
    """Parse the time when an image was taken; None if the table has none.

    The hour is known if there is a time of day, or a part of a day. Time zones are ignored:
    images of one patient within 24 hours come from one place.
    """
    if record.acquired_at:
        return _clock_moment(record.acquired_at)
    try:
        days = parse_number(record.offset_days)
    except ValueError:
        return None
    return Moment(days, hour_known=not days.is_integer()) if math.isfinite(days) else None


def _clock_moment(text: str) -> Moment | None:
    try:
        if len(text) <= _DATE_ALONE:
            return Moment(float(date.fromisoformat(text).toordinal()))
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    hours = at.hour + at.minute / 60 + at.second / 3600
    return Moment(at.toordinal() + hours / _HOURS, hour_known=True)
