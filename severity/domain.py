"""The values that every part of the project speaks about. Standard library only."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

RESEARCH_USE_ONLY = "Research use only. Not for diagnosis."


class View(StrEnum):
    """Projection of a chest radiograph; a trend marks where it changes."""

    PA = "PA"
    AP = "AP"
    AP_SUPINE = "AP supine"
    UNKNOWN = "unknown"


class TimeSource(StrEnum):
    """Where the time of an image comes from, in the order in which sources are tried."""

    ACQUISITION_DATETIME = "acquisition_datetime"
    ACQUISITION = "acquisition_date_and_time"
    CONTENT = "content_date_and_time"
    SERIES = "series_date_and_time"
    STUDY = "study_date_and_time"
    SIDECAR = "sidecar"
    SIDECAR_OFFSET = "sidecar_offset"  # days since the patient's day 0; no calendar date is known
    UNKNOWN = "unknown"


class State(StrEnum):
    """How far the ledger is with one object and one model version."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SCORED = "scored"
    QUARANTINED = "quarantined"


class Reason(StrEnum):
    """Why an object was rejected. Codes are stable: dashboards and scripts may rely on them."""

    NOT_AN_IMAGE = "not_an_image"
    CORRUPT = "corrupt"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    COLOUR = "colour"
    MULTI_FRAME = "multi_frame"
    NOT_A_RADIOGRAPH = "not_a_radiograph"
    FOR_PROCESSING = "for_processing"
    NOT_CHEST = "not_chest"
    LATERAL = "lateral"
    UNTRUSTWORTHY_PIXELS = "untrustworthy_pixels"
    NO_SIDECAR_RECORD = "no_sidecar_record"
    NO_PATIENT = "no_patient"
    BAD_METADATA = "bad_metadata"
    DUPLICATE_IMAGE = "duplicate_image"
    UID_CONFLICT = "uid_conflict"
    PATIENT_CONFLICT = "patient_conflict"
    TIME_CONFLICT = "time_conflict"
    VANISHED = "vanished"
    CRASHED_WORKER = "crashed_worker"


@dataclass(frozen=True)
class PatientId:
    """A patient as the hospital knows them. Never stored, logged or shown: see `pseudonym`."""

    value: str
    issuer: str = ""


@dataclass(frozen=True)
class Acquired:
    """When an image was taken: an aware time, its source, and the zone it was read in."""

    at: datetime | None
    source: TimeSource
    zone: str


@dataclass(frozen=True)
class ImageRecord:
    """What is known of one radiograph besides its pixels."""

    patient: PatientId
    study_uid: str
    image_uid: str
    view: View
    acquired: Acquired
    simulated: bool


@dataclass(frozen=True)
class Scale:
    """A named range of points. More is worse."""

    lowest: float
    highest: float

    def clip(self, points: float) -> float:
        """Limit ``points`` to the scale."""
        return min(max(points, self.lowest), self.highest)


@dataclass(frozen=True)
class ModelVersion:
    """One backbone's weights, one head and their preprocessing.

    Scores of two model versions are never joined: any difference here is another `key`.
    """

    name: str
    weights_sha256: str
    head_sha256: str
    preprocessing: str
    precision: str
    geographic_extent: Scale
    opacity: Scale

    @property
    def key(self) -> str:
        """A short name that changes whenever anything that moves a score changes."""
        content = json.dumps(asdict(self), sort_keys=True).encode()
        return f"{self.name}-{self.precision}-{hashlib.sha256(content).hexdigest()[:8]}"


@dataclass(frozen=True)
class Score:
    """Both values for one image by one model version, in points.

    The ``raw`` values are the head's output before clipping to the scale: they tell how far
    beyond its end an image lies. ``findings`` are the backbone's own raw outputs (logits) by
    finding, such as torchxrayvision's 18; empty for a backbone that has none.
    """

    geographic_extent: float
    opacity: float
    geographic_extent_raw: float
    opacity_raw: float
    findings: Mapping[str, float] = field(default_factory=dict, hash=False)
