"""Images of a labelled folder whose time is known, whether or not readers scored them.

``metadata.csv`` says when: ``offset`` (or ``offset_days``), in days since the patient's day 0, or
``acquired_at``, an ISO 8601 date or date and time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from flows.labelled_images.folder import METADATA
from severity.errors import UnreadableSidecar
from severity.evaluation.repeatability import Moment, repeat_sets
from severity.files.sidecar import SidecarRecord, parse_sidecar

_MOST_SETS = 200
"""Of repeats that are scored; more would hardly narrow the interval."""

_PLACES = ("", "images")
_HOURS = 24
_DATE_ALONE = len("2020-03-01")


@dataclass(frozen=True)
class DatedImage:
    """One image, what the table says of it, and when it was taken."""

    path: Path
    record: SidecarRecord
    moment: Moment


@dataclass(frozen=True)
class Dated:
    """The images that may repeat another one, and what a reader of the numbers must know."""

    images: tuple[DatedImage, ...] = ()
    note: str = ""


def read_repeats(folder: Path) -> Dated:
    """Find the images of one patient within 24 hours, as far as the table tells.

    Whether they are copies of one exposure is not looked at here. What cannot be read is no
    error: then the note says why there are no repeats.
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
    sets = repeat_sets([one.record.patient_id for one in dated], [one.moment for one in dated])
    note = f"Of {len(sets)} sets of repeats, the first {_MOST_SETS} were scored."
    return Dated(
        tuple(dated[place] for images in sets[:_MOST_SETS] for place in images),
        note if len(sets) > _MOST_SETS else "",
    )


def _dated(folder: Path, records: Mapping[str, SidecarRecord]) -> list[DatedImage]:
    images = []
    for name, record in records.items():
        moment = moment_of(record)
        path = _find(folder, name) if moment else None
        if path and moment:
            images.append(DatedImage(path, record, moment))
    return images


def _find(folder: Path, name: str) -> Path | None:
    """Look for an image beside the table and in ``images``; never outside the folder."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    return next((path for place in _PLACES if (path := folder / place / name).is_file()), None)


def moment_of(record: SidecarRecord) -> Moment | None:
    """Read when an image was taken; None where the table does not tell.

    A time of day, or a part of a day, is what makes the hour known. Zones are left out: images
    of one patient within 24 hours come from one place.
    """
    if record.acquired_at:
        return _of_clock(record.acquired_at)
    try:
        days = float(record.offset_days)
    except ValueError:
        return None
    return Moment(days, hour_known=not days.is_integer()) if math.isfinite(days) else None


def _of_clock(written: str) -> Moment | None:
    try:
        if len(written) <= _DATE_ALONE:
            return Moment(float(date.fromisoformat(written).toordinal()))
        at = datetime.fromisoformat(written)
    except ValueError:
        return None
    hours = at.hour + at.minute / 60 + at.second / 3600
    return Moment(at.toordinal() + hours / _HOURS, hour_known=True)
