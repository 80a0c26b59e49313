"""Model versions with their calibration, and scored images as a batch has them."""

import hashlib
from datetime import UTC, datetime, timedelta

from db.calibrations import StoredCalibration
from db.closing.outcomes import Scored
from severity.domain import (
    Acquired,
    Device,
    DistributionCheck,
    ImageRecord,
    Interval,
    MeasurementError,
    MeasurementErrors,
    ModelVersion,
    OutOfDistribution,
    PatientId,
    ProcessingCheck,
    Scale,
    Score,
    StandardError,
    TimeSource,
    UnlikeProcessing,
    View,
)

INBOX = "/inbox"
DAY_ZERO = datetime(2020, 3, 1, tzinfo=UTC)


INVERTED = DistributionCheck(
    "frontal-1", distance=2.5, out_of_distribution=OutOfDistribution.INVERTED
)
ENHANCED = ProcessingCheck("processing-1", 1.5, UnlikeProcessing.ENHANCED)


def version(name: str = "v1", precision: str = "fp32") -> ModelVersion:
    return ModelVersion(name, "w" * 64, "h" * 64, "p", precision, Scale(0, 8), Scale(0, 6))


# The error of opacity is not known.
ERRORS = MeasurementErrors(
    geographic_extent=MeasurementError(
        repeats=StandardError(0.4, Interval(0.3, 0.55), degrees=42),
        perturbations=StandardError(0.2, Interval(0.18, 0.23), degrees=300),
    ),
    opacity=MeasurementError(repeats=None, perturbations=None),
)
# As `severity.reliability.calibration.Margins` are: wider in the middle of the scale.
MARGINS = {
    "geographic_extent": {"predicted": [1.0, 3.0, 7.0], "below": [0.5, 1.5, 1], "above": [1, 2, 1]},
    "opacity": {"predicted": [2.0], "below": [0.75], "above": [0.25]},
}
CALIBRATION = StoredCalibration("c" * 64, ERRORS, MARGINS)


def digest(name: str) -> str:
    """A hash, as of content, pixels or a sidecar record, from a short name."""
    return hashlib.sha256(name.encode()).hexdigest()


def scored(
    work_id: int,
    *,
    patient: str = "p-1",
    uid: str = "1.1",
    pixels: str = "px",
    day: float | None = 0,
    extent: float = 3.0,
    view: View = View.PA,
    source: TimeSource = TimeSource.ACQUISITION,
    device: Device | None = None,
    unissued: str = "",
    **more: object,
) -> Scored:
    """A scored image; ``more`` are further fields of its score."""
    at = None if day is None else DAY_ZERO + timedelta(days=day)
    record = ImageRecord(
        patient=PatientId("never stored"),
        study_uid=f"2.{day}",
        image_uid=uid,
        view=view,
        acquired=Acquired(at, TimeSource.UNKNOWN if at is None else source, "UTC"),
        simulated=False,
        device=device,
    )
    score = Score(extent, 2.0, extent, 2.0, **more)
    station = device.station and f"s-{digest(device.station)[:12]}" if device else ""
    return Scored(
        work_id, patient, record, digest(pixels), score, station_key=station, unissued_key=unissued
    )
