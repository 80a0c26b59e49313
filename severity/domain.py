"""The project's value types: images, scores, errors and codes. Standard library only."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum

RESEARCH_USE_ONLY = "Research use only. Not for diagnosis."

NO_EFFECT = (
    "Describes how levels went around a treatment, and is no effect of it: who is treated is "
    "sicker, or believed to be (confounding by indication)."
)
"""Stands wherever levels are shown beside treatments."""

STATED_UTC = "UTC+00:00"
"""The zone of a time that the file itself states in UTC: unlike "UTC", it was not assumed."""

_IN_95_OF_100 = 1.96  # standard deviations of a normal distribution, either way


class View(StrEnum):
    """Projection of a chest radiograph; a trend marks where it changes."""

    PA = "PA"
    AP = "AP"
    AP_SUPINE = "AP supine"
    UNKNOWN = "unknown"


class TimeSource(StrEnum):
    """Where the time of an image comes from, in the order in which sources are tried.

    Of a source that ends in ``_date`` only the date is known: images of that day are in no order.
    """

    ACQUISITION_DATETIME = "acquisition_datetime"
    ACQUISITION = "acquisition_date_and_time"
    CONTENT = "content_date_and_time"
    SERIES = "series_date_and_time"
    STUDY = "study_date_and_time"
    SIDECAR = "sidecar"
    ACQUISITION_DATETIME_DATE = "acquisition_datetime_date"
    ACQUISITION_DATE = "acquisition_date"
    CONTENT_DATE = "content_date"
    SERIES_DATE = "series_date"
    STUDY_DATE = "study_date"
    SIDECAR_DATE = "sidecar_date"
    SIDECAR_OFFSET = "sidecar_offset"  # days since the patient's day 0; no calendar date is known
    CORRECTED = "corrected"  # stated by a person, in place of what the file says
    CORRECTED_DATE = "corrected_date"
    UNKNOWN = "unknown"

    @property
    def is_date_alone(self) -> bool:
        """Whether no time of day is known, only the date."""
        return self.value.endswith("_date")

    @property
    def of_date_alone(self) -> "TimeSource":
        """The same source where it has no readable time of day."""
        return TimeSource(f"{self.value.removesuffix('_and_time').removesuffix('_date')}_date")


class Fate(StrEnum):
    """What became of an object that a run had claimed."""

    SCORED = "scored"
    REJECTED = "rejected"  # the object must not be scored, by any model version
    FAILED = "failed"  # an accepted image that this model version could not score
    VANISHED = "vanished"  # it could not be read; it waits, if it lies elsewhere or comes back


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
    SUPERSEDED = "superseded"  # by the whole file, under the same key
    FORGOTTEN = "forgotten"  # its patient was erased
    VANISHED = "vanished"
    CRASHED_WORKER = "crashed_worker"


NO_VALUES = frozenset({"NULL", "NONE", "NAN", "NA", "N/A", "#N/A", "<NA>", "UNKNOWN"})
"""What databases, spreadsheets, devices and people write where there is no value, in capitals."""

_SHORTENED_NUMBER = re.compile(r"[0-9]([.,][0-9]+E\+?|E\+)[0-9]+", re.IGNORECASE)
"""A long number as spreadsheets save it, such as ``1.23457E+11``: others begin alike."""


@dataclass(frozen=True)
class PatientId:
    """A patient as the hospital knows them. Never stored, logged or shown: see `pseudonym`."""

    value: str
    issuer: str = ""

    @property
    def is_nobody(self) -> bool:
        """Whether it names nobody: films of several people would seem to be one person's."""
        return (
            not any(map(str.isalnum, self.value))
            or self.value.upper() in NO_VALUES
            or _SHORTENED_NUMBER.fullmatch(self.value) is not None
        )


@dataclass(frozen=True)
class Acquired:
    """When an image was taken: an aware time, its source, and the zone it was read in.

    Where the source has only a date, the time is midnight in that zone and means the whole day.
    A zone that the file states is an offset such as ``UTC+01:00``; any other was assumed.
    """

    at: datetime | None
    source: TimeSource
    zone: str


@dataclass(frozen=True)
class Device:
    """What takes images, by the names that it gives itself; empty where it gives none.

    The name of the ``station`` may be that of a hospital or a ward: never stored, logged or shown,
    but as `severity.pseudonym.station_key`.
    """

    manufacturer: str = ""
    model: str = ""
    station: str = field(default="", repr=False)


@dataclass(frozen=True)
class Decision:
    """What was decided about a file, and which attribute or column decided it.

    ``written`` is its value as the file has it, empty where it may name a patient. ``doubt`` says
    what contradicts the decision or is missing, so that a person may look; empty if nothing does.
    """

    subject: str
    outcome: str
    source: str
    written: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class ImageRecord:
    """One radiograph's patient, identifiers, view, time and device: everything but its pixels.

    ``device`` is None where the file names none, as PNG and JPEG files never do.
    """

    patient: PatientId
    study_uid: str
    image_uid: str
    view: View
    acquired: Acquired
    simulated: bool
    device: Device | None = None


@dataclass(frozen=True)
class Scale:
    """A named range of points. More is worse."""

    lowest: float
    highest: float

    def clip(self, points: float) -> float:
        """Limit ``points`` to the scale."""
        return min(max(points, self.lowest), self.highest)


@dataclass(frozen=True)
class Interval:
    """A range of points, both ends included."""

    low: float
    high: float


class OutOfDistribution(StrEnum):
    """Why an image is out of distribution. Codes are stable, as `Reason`'s."""

    INVERTED = "inverted"  # black and white exchanged
    ROTATED = "rotated"  # by 90, 180 or 270 degrees
    LAYOUT = "layout"  # light and dark lie elsewhere: another projection, another part of the body
    TEXTURE = "texture"  # the remainder is not that of a radiograph: noise, text, drawings
    LOW_CONTRAST = "low_contrast"  # its greys fill little of the way from black to white


@dataclass(frozen=True)
class DistributionCheck:
    """How far an image is from known frontal images.

    ``distance`` is in units of the limit: above 1 the image is out of distribution, and its
    score is not reliable; so it is if its contrast is low, which the distance does not see.
    ``reference`` names the reference distribution; distances to different
    ones are never compared.
    """

    reference: str
    distance: float
    out_of_distribution: OutOfDistribution | None = None


class UnlikeProcessing(StrEnum):
    """How an image's processing is unlike that of known images. Codes are stable, as `Reason`'s."""

    ENHANCED = "enhanced"  # detail is strong, relative to the large areas of light and dark
    FLAT = "flat"  # detail is weak, relative to them


@dataclass(frozen=True)
class ProcessingCheck:
    """How far an image's processing is from that of known images.

    ``distance`` is in units of the limit: above 1 the network has seen few such images or none, and
    its score may be off although the image is a frontal one. ``reference`` names what it was
    compared with; distances to different ones are never compared.
    """

    reference: str
    distance: float
    unlike_processing: UnlikeProcessing | None = None


class Verdict(StrEnum):
    """What a course says of the level, compared with the baseline's."""

    WORSE = "worse"  # by more than the margin
    BETTER = "better"  # by more than the margin
    UNCHANGED = "unchanged"  # within the margin, with 90 % behind it
    CANNOT_TELL = "cannot tell"  # none of these is probable enough


class Measure(StrEnum):
    """A number of films whose nightly means are charted, to see drift of the site."""

    EXTENT = "geographic_extent"  # points, before they are clipped to the scale
    OPACITY = "opacity"  # the same
    DISTANCE = "distance"  # the natural logarithm of the distance to known films
    # The root of the absolute difference in extent between a film and the one before it of the same
    # person, view and device within 24 hours: roots, lest a few large ones are all that is seen.
    ERROR = "error"


@dataclass(frozen=True)
class NightlySum:
    """The values of one measure in the films of one day (UTC), device and view.

    ``device`` is the id of the device's row, 0 where none is known. ``total`` is the sum of the
    values, ``squares`` that of their squares.
    """

    measure: Measure
    device: int
    view: View
    day: date
    films: int
    total: float
    squares: float


class Direction(StrEnum):
    """What a change means: beyond the smallest detectable change, or within it."""

    WORSE = "worse"
    BETTER = "better"
    STABLE = "stable"


@dataclass(frozen=True)
class StandardError:
    """A standard error of measurement in points, with its 95 % interval.

    ``degrees`` are its degrees of freedom: the number of pairs, or of values less one for each set.
    """

    points: float
    interval: Interval
    degrees: int


@dataclass(frozen=True)
class MeasurementError:
    """How much one score differs between images of a patient who did not change.

    ``repeats`` comes from images of one patient within 24 hours, which may show true change,
    ``perturbations`` from the same image rotated, cropped, exposed and compressed otherwise, which
    cannot. None means not measured.
    """

    repeats: StandardError | None
    perturbations: StandardError | None

    @property
    def smallest_detectable_change(self) -> float | None:
        """The change that the larger test-retest error alone exceeds in 5 % of pairs, in points."""
        measured = (self.repeats, self.perturbations)
        sems = [error.points for error in measured if error is not None]
        return _IN_95_OF_100 * math.sqrt(2) * max(sems) if sems else None


@dataclass(frozen=True)
class MeasurementErrors:
    """The measurement errors of both scores of one model version."""

    geographic_extent: MeasurementError
    opacity: MeasurementError


@dataclass(frozen=True)
class ModelVersion:
    """One backbone's weights, one head and their preprocessing.

    Scores of two model versions are never joined: any difference here is another `key`. What is
    known of their errors is measured apart, and no part of it.
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


class Zone(StrEnum):
    """A third of a lung's height, by the patient's side. Codes are stable."""

    RIGHT_UPPER = "right_upper"
    RIGHT_MIDDLE = "right_middle"
    RIGHT_LOWER = "right_lower"
    LEFT_UPPER = "left_upper"
    LEFT_MIDDLE = "left_middle"
    LEFT_LOWER = "left_lower"


@dataclass(frozen=True)
class LungScore:
    """What one lung has of both scores, in points; each is half of its scale at most."""

    geographic_extent: float
    opacity: float


@dataclass(frozen=True)
class Lungs:
    """Both scores by lung, the patient's right and left, and where opacities are.

    The lungs' points add up to the image's. ``zones`` has the share of each zone, 0 to 1, that is
    opaque as the network sees it: a coarse map, and no score.
    """

    right: LungScore
    left: LungScore
    zones: Mapping[Zone, float] = field(hash=False)


@dataclass(frozen=True)
class Score:
    """Both values for one image by one model version, in points.

    The ``raw`` values are the head's output before clipping to the scale: they show how far
    beyond its end an image lies. ``findings`` are the backbone's own raw outputs (logits) by
    finding, such as torchxrayvision's 18; empty for a backbone that has none. The intervals hold
    the readers' mean in 90 of 100 images, on the images that the model was calibrated on; None if
    it was not. ``triage`` has the probability of each class and has no part in the score; empty
    for a model without. ``lungs`` is None for a model that does not draw them, and where it finds
    none.
    """

    geographic_extent: float
    opacity: float
    geographic_extent_raw: float
    opacity_raw: float
    findings: Mapping[str, float] = field(default_factory=dict, hash=False)
    geographic_extent_interval: Interval | None = None
    opacity_interval: Interval | None = None
    distribution_check: DistributionCheck | None = None
    triage: Mapping[str, float] = field(default_factory=dict, hash=False)
    lungs: Lungs | None = None
    processing_check: ProcessingCheck | None = None

    @property
    def unlike_processing(self) -> UnlikeProcessing | None:
        """How the processing is unlike that of known images; None if it is not, or not checked."""
        return self.processing_check.unlike_processing if self.processing_check else None

    @property
    def out_of_distribution(self) -> OutOfDistribution | None:
        """Why the image is out of distribution; None if it is not, or was not checked."""
        return self.distribution_check.out_of_distribution if self.distribution_check else None
