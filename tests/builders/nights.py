"""Nights of a site in the database, as if their films had been counted."""

from collections.abc import Iterable

from sqlalchemy import text

from db import registration
from db.engine import Database
from severity.domain import Measure, NightlySum
from tests.builders.scores import version


def write_nights(database: Database, sums: Iterable[NightlySum]) -> None:
    """Write nightly sums of the model version `version`, by devices ACME X-1, X-2, ..."""
    rows = [
        {
            "measure": entry.measure.value,
            "reference": "frontal-1" if entry.measure is Measure.DISTANCE else "",
            "device": entry.device,
            "view": entry.view.value,
            "day": entry.day,
            "films": entry.films,
            "total": round(1e6 * entry.total),
            "squares": round(1e6 * entry.squares),
        }
        for entry in sums
    ]
    with database.transaction() as session:
        model = registration.register_model(session, version())
        for device in range(1, 1 + max(int(str(row["device"])) for row in rows)):
            session.execute(_ADD_DEVICE, {"model": f"X-{device}", "station": f"s-{device}"})
        session.execute(_ADD_NIGHT, [row | {"version": model} for row in rows])


_ADD_DEVICE = text(
    "INSERT INTO device (manufacturer, model, station_key) VALUES ('ACME', :model, :station)"
)

_ADD_NIGHT = text(
    """
    INSERT INTO drift_night
        (model_version_id, device_id, day, view, measure, reference, films, total, squares)
    VALUES
        (:version, :device, :day, CAST(:view AS projection), :measure, :reference, :films, :total,
        :squares)
    """
)
