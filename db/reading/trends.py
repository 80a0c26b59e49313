"""A patient's trend: the observations by one model version, and their changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.calibrations import known_errors
from db.reading import model_versions, patients
from severity.domain import (
    Direction,
    Interval,
    MeasurementErrors,
    OutOfDistribution,
    Scale,
    UnlikeProcessing,
    View,
)


@dataclass(frozen=True)
class Observation:
    """One image of a patient with its points, and their change within the trend.

    Changes are in points; "previous" is None for the baseline. "Peak" is the highest value so
    far, so a change from it is never positive. A direction is None for the baseline, and where
    no smallest detectable change is known. An image that is out of distribution has its
    points and no changes, and is no baseline, previous or peak; before the baseline its days
    are negative. Without ``time_of_day_known`` the time is midnight in ``acquired_zone`` and means
    the whole day; images of that day are in no order, and none of them is a baseline or previous.
    """

    acquired_at: datetime
    calendar_known: bool
    days_since_baseline: float
    view: View
    view_changed: bool
    simulated: bool
    geographic_extent: float
    opacity: float
    extent_from_baseline: float | None
    opacity_from_baseline: float | None
    extent_from_previous: float | None
    opacity_from_previous: float | None
    extent_from_peak: float | None
    opacity_from_peak: float | None
    extent_interval: Interval | None = None
    opacity_interval: Interval | None = None
    out_of_distribution: OutOfDistribution | None = None
    extent_direction_from_baseline: Direction | None = None
    opacity_direction_from_baseline: Direction | None = None
    extent_direction_from_previous: Direction | None = None
    opacity_direction_from_previous: Direction | None = None
    image_id: int = 0
    time_of_day_known: bool = True
    acquired_zone: str = "UTC"
    unlike_processing: UnlikeProcessing | None = None


@dataclass(frozen=True)
class Trend:
    """All observations of one patient by one model version, oldest first.

    ``undated`` counts scored images that have no time and so no place in the trend, ``waiting``
    has the ids of accepted ones that the model version has not scored yet;
    ``other_versions`` are model versions that also scored the patient; their scores are never
    joined. The scales are the model version's own. ``calibration_sha256`` names the calibration
    that intervals, errors and directions speak by, empty if there is none; directions rest on the
    smallest detectable changes, in points. None means not known. ``same_identifier`` are the keys
    of others whose identifier is the same but for its issuer, which one of the two lacks.
    """

    patient_key: str
    model_version: str
    geographic_extent: Scale
    opacity: Scale
    observations: tuple[Observation, ...]
    undated: int
    other_versions: tuple[str, ...]
    errors: MeasurementErrors | None = None
    extent_smallest_detectable_change: float | None = None
    opacity_smallest_detectable_change: float | None = None
    calibration_sha256: str = ""
    same_identifier: tuple[str, ...] = ()
    waiting: frozenset[int] = frozenset()


def trend(session: Session, patient_key: str, model_version: str) -> Trend:
    """Read a patient's trend on one model version; without observations if there are none.

    The trend of a patient who was merged into another is that of the other.

    Raises
    ------
    LookupError
        There is no such model version.
    """
    version = session.execute(_VERSION, {"model": model_version}).first()
    if version is None:
        raise LookupError(f"no model version {model_version}")
    values = {"patient": person(session, patient_key), "model": model_version}
    rows = session.execute(_TREND, values).mappings().all()
    stored = known_errors(version.calibration)
    return Trend(
        values["patient"],
        model_version,
        Scale(**version.scales["geographic_extent"]),
        Scale(**version.scales["opacity"]),
        tuple(_observation(dict(row)) for row in rows),
        undated=session.scalar(_UNDATED, values) or 0,
        waiting=patients.waiting_images(session, values["patient"], model_version),
        other_versions=tuple(
            model_versions.of_patient(session, values["patient"], excluding=model_version)
        ),
        errors=stored.errors,
        extent_smallest_detectable_change=stored.extent_smallest_detectable_change,
        opacity_smallest_detectable_change=stored.opacity_smallest_detectable_change,
        calibration_sha256=version.calibration_sha256 or "",
        same_identifier=tuple(session.scalars(_SAME_IDENTIFIER, values)),
    )


def person(session: Session, patient_key: str) -> str:
    """Return the key of the patient whose trend a patient's images count in."""
    return session.scalar(_PERSON, {"patient": patient_key}) or patient_key


def known_otherwise(session: Session, patient_key: str, unissued_key: str) -> list[str]:
    """List the persons whose identifier is the same, but named with an issuer or without.

    Parameters
    ----------
    unissued_key
        The key that the patient would have without an issuer; empty if that is ``patient_key``.
    """
    keys = {"patient": patient_key, "unissued": unissued_key}
    return list(session.scalars(_KNOWN_OTHERWISE, keys))


def _observation(row: Mapping[str, Any]) -> Observation:
    """Convert a row of the view to an observation."""
    values = dict(row)
    for score in ("extent", "opacity"):
        low, high = values.pop(f"{score}_low"), values.pop(f"{score}_high")
        values[f"{score}_interval"] = None if low is None else Interval(low, high)
    for name, enum in _ENUMS.items():
        values[name] = None if values[name] is None else enum(values[name])
    return Observation(**values)


def busiest_patient(session: Session, model_version: str, source: str) -> str | None:
    """Return who has the most images in a source, the first of them by key."""
    values = {"model": model_version, "source": source}
    patient_key: str | None = session.scalar(_BUSIEST, values)
    return patient_key


_ENUMS: Mapping[str, type[StrEnum]] = {
    "view": View,
    "out_of_distribution": OutOfDistribution,
    "unlike_processing": UnlikeProcessing,
    "extent_direction_from_baseline": Direction,
    "opacity_direction_from_baseline": Direction,
    "extent_direction_from_previous": Direction,
    "opacity_direction_from_previous": Direction,
}

_VERSION = text(
    """
    SELECT scales, calibration, calibration_sha256 FROM model_versions
    WHERE model_version = :model
    """
)

_PERSON = text("SELECT person_key FROM patients WHERE patient_key = :patient")

_KNOWN_OTHERWISE = text(
    """
    SELECT person_key FROM patients WHERE patient_key = :unissued
    UNION SELECT person_key FROM patients WHERE unissued_key = :patient
    ORDER BY person_key
    """
)

_SAME_IDENTIFIER = text(
    "SELECT other_key FROM same_identifier WHERE patient_key = :patient ORDER BY other_key"
)

_TREND = text(
    """
    SELECT acquired_at, calendar_known, CAST(days_since_baseline AS float8), view, view_changed,
        simulated, geographic_extent, opacity, extent_from_baseline, opacity_from_baseline,
        extent_from_previous, opacity_from_previous, extent_from_peak, opacity_from_peak,
        extent_low, extent_high, opacity_low, opacity_high, out_of_distribution,
        extent_direction_from_baseline, opacity_direction_from_baseline,
        extent_direction_from_previous, opacity_direction_from_previous, image_id,
        time_of_day_known, acquired_zone, unlike_processing
    FROM patient_trend
    WHERE patient_key = :patient AND model_version = :model
    ORDER BY calendar_known DESC, place
    """
)

_UNDATED = text(
    """
    SELECT undated FROM scored_patients WHERE patient_key = :patient AND model_version = :model
    """
)

_BUSIEST = text(
    """
    SELECT patient_key FROM patient_trend WHERE model_version = :model AND image_id IN (
        SELECT object.image_id FROM object
        JOIN sighting ON sighting.object_id = object.id
        JOIN source ON source.id = sighting.source_id
        WHERE source.location = :source
    )
    GROUP BY patient_key ORDER BY count(*) DESC, patient_key LIMIT 1
    """
)
