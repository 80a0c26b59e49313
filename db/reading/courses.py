"""A patient's course: the level behind the images, how sure it is, and what was done meanwhile."""

from dataclasses import dataclass
from datetime import datetime

from severity.domain import OutOfDistribution, Scale, Verdict, View


@dataclass(frozen=True)
class Band:
    """A level with its 90 % band, in points, within the scale."""

    level: float
    low: float
    high: float


@dataclass(frozen=True)
class Assessment:
    """What an image and those around it say of one score.

    ``points`` is the score of the image itself. ``level`` is what the images so far say of the
    patient, ``smoothed`` what all do. The probabilities compare the level from the images so far
    with that of the baseline: higher by more than the margin, lower by more than it, or neither.
    None means not known: no course is kept, or the image is the baseline or before it.
    """

    points: float
    level: Band | None = None
    smoothed: Band | None = None
    worse: float | None = None
    better: float | None = None
    within: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class CourseImage:
    """One image of a patient in its episode; ``days`` count from the episode's baseline."""

    image_id: int
    at: datetime
    calendar_known: bool
    episode: int
    days: float
    is_baseline: bool
    view: View
    view_changed: bool
    simulated: bool
    out_of_distribution: OutOfDistribution | None
    geographic_extent: Assessment
    opacity: Assessment


@dataclass(frozen=True)
class Response:
    """The level of one score just before an event (day 0) or days after its start, in points.

    ``change`` is that of the level since just before, with its 90 % band; the probabilities are
    those that it fell or rose by more than the margin. None on day 0. ``is_extrapolated`` states
    that no image of the episode is as late.
    """

    day: int
    is_extrapolated: bool
    level: Band
    change: Band | None = None
    better: float | None = None
    worse: float | None = None


@dataclass(frozen=True)
class Event:
    """Something of a patient's treatment, with what the levels did after it began.

    Where only dates are known, the times are the beginnings of those days. The responses are by
    day and may be empty: no course reaches to the event.
    """

    kind: str
    label: str
    starts_at: datetime
    ends_at: datetime | None = None
    source: str = ""
    calendar_known: bool = True
    starts_is_date: bool = False
    ends_is_date: bool = False
    geographic_extent: tuple[Response, ...] = ()
    opacity: tuple[Response, ...] = ()


@dataclass(frozen=True)
class Margins:
    """How many points of each score matter; verdicts are about a larger change. None: no course."""

    geographic_extent: float | None = None
    opacity: float | None = None


@dataclass(frozen=True)
class Course:
    """All images of one patient by one model version, oldest first, and the patient's events.

    ``parameters`` names the parameter set that levels rest on, ``origin`` where it comes from;
    empty, and no margins, if there is none. ``undated`` counts scored images without a time, and
    ``other_versions`` are model versions that also scored the patient.
    """

    patient_key: str
    model_version: str
    geographic_extent: Scale
    opacity: Scale
    images: tuple[CourseImage, ...]
    events: tuple[Event, ...] = ()
    margins: Margins = Margins()
    parameters: str = ""
    origin: str = ""
    undated: int = 0
    other_versions: tuple[str, ...] = ()
