"""Model versions with their errors, and scored images as a batch has them."""

from datetime import UTC, datetime, timedelta

from db.outcomes import Scored
from severity.domain import (
    Acquired,
    DistributionCheck,
    ImageRecord,
    Interval,
    MeasurementError,
    MeasurementErrors,
    ModelVersion,
    OutOfDistribution,
    PatientId,
    Scale,
    Score,
    StandardError,
    TimeSource,
    View,
)

INBOX = "/inbox"
DAY_ZERO = datetime(2020, 3, 1, tzinfo=UTC)


INVERTED = DistributionCheck(
    "frontal-1", distance=2.5, out_of_distribution=OutOfDistribution.INVERTED
)


def version(
    name: str = "v1", precision: str = "fp32", calibration_sha256: str = ""
) -> ModelVersion:
    scales = Scale(0, 8), Scale(0, 6)
    return ModelVersion(name, "w" * 64, "h" * 64, "p", precision, *scales, calibration_sha256)


# Of a calibrated version; the error of opacity is not known.
CALIBRATION = "c" * 64
ERRORS = MeasurementErrors(
    geographic_extent=MeasurementError(
        repeats=StandardError(0.4, Interval(0.3, 0.55), degrees=42),
        perturbations=StandardError(0.2, Interval(0.18, 0.23), degrees=300),
    ),
    opacity=MeasurementError(repeats=None, perturbations=None),
)


def scored(
    ledger_id: int,
    *,
    patient: str = "p-1",
    uid: str = "1.1",
    pixels: str = "px",
    day: float | None = 0,
    extent: float = 3.0,
    view: View = View.PA,
    source: TimeSource = TimeSource.ACQUISITION,
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
    )
    return Scored(ledger_id, patient, record, pixels, Score(extent, 2.0, extent, 2.0, **more))
