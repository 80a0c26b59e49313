"""The nightly sums of one model version, and the devices that brought its films."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from severity.domain import Device, Measure, NightlySum, View


def nightly_sums(session: Session, model_version: str) -> list[NightlySum]:
    """Return what was counted of each night, by device and view.

    Of the distances only those from the latest reference distribution: those from others are
    not comparable with them.
    """
    return [
        NightlySum(Measure(measure), device, View(view), day, films, total, squares)
        for measure, device, view, day, films, total, squares in session.execute(
            _SUMS, {"model": model_version}
        )
    ]


def devices(session: Session) -> dict[int, Device]:
    """Return all devices by the ids of their rows; each station by its key."""
    return {row_id: Device(*names) for row_id, *names in session.execute(_DEVICES)}


# The latest is that of the latest night; of two in that night, on which the reference was changed,
# the one that came last. Nights to come are those of a clock that is wrong: they count once they
# have come, or their films' times are corrected. The last of them would be the chart's last night.
_SUMS = text(
    """
    SELECT measure, device_id, view, day, films, total, squares
    FROM drift_nights
    WHERE model_version = :model AND day <= CURRENT_DATE + 1 AND reference IN ('', (
        SELECT reference FROM drift_nights
        WHERE model_version = :model AND reference <> '' AND day <= CURRENT_DATE + 1
        GROUP BY reference
        ORDER BY max(day) DESC, min(day) DESC
        LIMIT 1
    ))
    """
)

_DEVICES = text(
    "SELECT device_id, manufacturer, model, station_key FROM devices ORDER BY device_id"
)
