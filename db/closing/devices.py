"""The devices of images: each is stored once, when its first image is."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.closing.outcomes import Scored
from db.prepared import Prepared

_Names = tuple[str, str, str]
"""Manufacturer, model and key of the station."""

_KNOWN = "devices"  # where a connection keeps the ids of those that it found


def ids(session: Session, scored: Sequence[Scored]) -> list[int | None]:
    """Return the id of each image's device, in their order; None where its file names none.

    Devices that are new are stored. No statement is executed for those that the connection knows.
    """
    known: dict[_Names, int] = session.connection().info.setdefault(_KNOWN, {})
    names = [_names(item) for item in scored]
    unknown = set(names) - known.keys() - {None}
    stored = {device: _id(session, device, known) for device in unknown if device is not None}
    return [None if device is None else known.get(device) or stored[device] for device in names]


def _names(scored: Scored) -> _Names | None:
    device = scored.record.device
    return (device.manufacturer, device.model, scored.station_key) if device else None


def _id(session: Session, device: _Names, known: dict[_Names, int]) -> int:
    values = dict(zip(("manufacturer", "model", "station"), device, strict=True))
    row_id: int | None = _FIND.execute(session, values).scalar()
    if row_id is not None:
        known[device] = row_id  # devices are never deleted
        return row_id
    # Not known yet: it is gone again if the transaction fails.
    added: int = _ADD.execute(session, values).scalar_one()
    return added


_FIND = Prepared(
    """
    SELECT id FROM device
    WHERE manufacturer = :manufacturer AND model = :model AND station_key = :station
    """
)

# No other closing adds it in between: all hold the ledger's lock.
_ADD = Prepared(
    """
    INSERT INTO device (manufacturer, model, station_key)
    VALUES (:manufacturer, :model, :station)
    RETURNING id
    """
)
