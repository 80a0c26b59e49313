"""Images, rejected files, corrections and lookups as text, for a person who puts things right."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from db.lookups import Lookup
from db.reading.history import Correction
from db.reading.images import ImageHistory, StoredImage
from db.reading.site.rejections import ObjectPlace, Rejection, StoredObject, UnreadPlace
from severity.domain import RESEARCH_USE_ONLY, TimeSource
from severity.vocabulary.times import local_text


def rejected_table(rejections: Sequence[Rejection]) -> RenderableType:
    """Return a table of rejected objects; it names no file."""
    table = _table("id", "decided", "reason", "detail", "source")
    for rejection in rejections:
        mark = " (dismissed)" if rejection.dismissed_at else ""
        table.add_row(
            str(rejection.object_id),
            _time(rejection.decided_at),
            rejection.reason + mark,
            rejection.detail,
            rejection.source,
        )
    return table


def unread_table(places: Sequence[UnreadPlace]) -> RenderableType:
    """Return a table of what cannot be read."""
    table = _table("reason", "detail", "seen", "source", "name")
    for place in places:
        seen = _time(place.seen_at)
        table.add_row(place.reason, place.detail, seen, place.source, place.object_key)
    return table


def object_text(stored: StoredObject) -> RenderableType:
    """Return an object with its places and history."""
    lines = [f"File {stored.object_id}: {stored.state}"]
    if stored.reason:
        dismissed = f", dismissed {_time(stored.dismissed_at)}" if stored.dismissed_at else ""
        lines.append(f"{stored.reason} ({stored.detail}), {_time(stored.decided_at)}{dismissed}")
    if stored.image_id:
        lines.append(f"It is image {stored.image_id}.")
    return Group(Text("\n".join(lines)), *_places(stored.places), history_table(stored.corrections))


def images_table(images: Sequence[StoredImage]) -> RenderableType:
    """Return a table of a patient's images."""
    table = _table("id", "taken", "view", "standing", "patient", "scored by")
    for image in images:
        failed = [f"{version}: {reason}" for version, reason in image.failed_by.items()]
        table.add_row(
            str(image.image_id),
            _taken(image),
            image.view,
            image.standing,
            image.patient_key,
            ", ".join([*image.scored_by, *failed]) or "none",
        )
    return Group(table, Text(RESEARCH_USE_ONLY))


def image_text(history: ImageHistory) -> RenderableType:
    """Return an image with its places and history."""
    image = history.image
    merged = f", who counts as {image.person_key}" if image.person_key != image.patient_key else ""
    lines = [
        f"Image {image.image_id} ({image.image_uid}): {image.standing}",
        f"Patient {image.patient_key}{merged}",
        f"Taken {_taken(image)}, read from {image.acquired_source} in {image.acquired_zone or '-'}",
        f"View {image.view}",
        f"Scored by {', '.join(image.scored_by) or 'none'}",
        *(f"Not scored by {version}: {reason}" for version, reason in image.failed_by.items()),
    ]
    return Group(
        Text("\n".join(lines)),
        *_places(history.places),
        history_table(history.corrections),
        Text(RESEARCH_USE_ONLY),
    )


def history_table(corrections: Sequence[Correction]) -> RenderableType:
    """Return a table of corrections, oldest first; a line if there is none."""
    if not corrections:
        return Text("No corrections.")
    table = _table("when", "who", "what", "before", "after", "why")
    for correction in corrections:
        of = f" ({correction.image_id})" if correction.image_id else ""
        table.add_row(
            _time(correction.at),
            correction.who,
            f"{correction.what}{of}",
            _values(correction.before),
            _values(correction.after),
            correction.why,
        )
    return table


def lookups_table(lookups: Sequence[Lookup]) -> RenderableType:
    """Return a table of who looked at whom; a line if nobody did."""
    if not lookups:
        return Text("No lookups.")
    table = _table("when", "who", "patient", "page", "login")
    for lookup in lookups:
        table.add_row(_time(lookup.at), lookup.who, lookup.patient_key, lookup.page, lookup.login)
    return table


def plain_json(value: object) -> str:
    """Return rows, or lists of them, as JSON."""
    return json.dumps(value, default=_plain, indent=2, sort_keys=True)


def _plain(value: Any) -> object:  # noqa: ANN401 - whatever a row holds
    return value.isoformat() if isinstance(value, date) else asdict(value)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _places(places: Sequence[ObjectPlace]) -> list[Text]:
    return [
        Text(f"{place.source} {place.object_key}" + (" (gone)" if place.gone_at else ""))
        for place in places
    ]


def _taken(image: StoredImage) -> str:
    if image.acquired_at is None:
        return "unknown"
    is_date = TimeSource(image.acquired_source).is_date_alone
    return local_text(image.acquired_at, image.acquired_zone, time_of_day_known=not is_date)


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"


def _values(values: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{name} {'-' if value is None else value}" for name, value in sorted(values.items())
    )
