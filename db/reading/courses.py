"""A patient's course: the level behind the images, how sure it is, and what was done meanwhile."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from db.prepared import Prepared
from db.reading import lungs, patients
from db.reading.trends import Observation, Trend
from severity.domain import Lungs, OutOfDistribution, Scale, UnlikeProcessing, Verdict, View


@dataclass(frozen=True)
class Band:
    """A level with its 90 % band, in points, within the scale."""

    level: float
    low: float
    high: float


@dataclass(frozen=True)
class Assessment:
    """What an image and those around it say of one score.

    ``points`` is the score of the image itself, ``raw`` the same before it was clipped to the
    scale: levels rest on that. ``level`` is what the images so far say of the patient, ``smoothed``
    what all do. The probabilities compare the level from the images so far with that of the
    baseline: higher by more than the margin, lower by more than it, or neither.
    None means not known: no course is kept, or the image is the baseline or before it.

    Where a bridge converted the score, ``former`` is the score that the former model version gave,
    and the other two are the standard deviations of what converting adds: an error that all
    converted images of the patient share, and one of this image's own.
    """

    points: float
    level: Band | None = None
    smoothed: Band | None = None
    worse: float | None = None
    better: float | None = None
    within: float | None = None
    verdict: Verdict | None = None
    raw: float | None = None
    former: float | None = None
    shared_sd: float = 0.0
    own_sd: float = 0.0


@dataclass(frozen=True)
class CourseImage:
    """One image of a patient in its episode; ``days`` count from the episode's baseline.

    Without ``time_of_day_known``, ``at`` is midnight in ``zone`` and means a date; the images of
    that day are in no order. ``scored_by`` is the former model version whose scores of it a bridge
    converted; empty of the course's own images. ``lungs`` are of this image alone, None where its
    model draws none.
    """

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
    time_of_day_known: bool = True
    zone: str = ""
    scored_by: str = ""
    lungs: Lungs | None = None
    unlike_processing: UnlikeProcessing | None = None

    @property
    def moves_levels(self) -> bool:
        """Whether both levels rest on it: neither does if a bridge says nothing of one score."""
        known = None not in {self.geographic_extent.raw, self.opacity.raw}
        return known and self.out_of_distribution is None


@dataclass(frozen=True)
class SeamLine:
    """How one score is converted: current = intercept + slope times former, in points.

    ``spread`` is the standard deviation of films about the line.
    """

    intercept: float
    slope: float
    spread: float


@dataclass(frozen=True)
class Seam:
    """The bridge that a course goes on by, across a change of the model version.

    ``left_out`` counts images of the former version that the bridge says nothing of: their scores
    lie beyond those that it was learned from, in ``films`` of ``patients``.
    """

    bridge_id: int
    former_version: str
    learned_at: datetime
    patients: int
    films: int
    geographic_extent: SeamLine
    opacity: SeamLine
    left_out: int = 0


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

    Where only dates are known, ``starts_at`` and ``ends_at`` are the beginnings of those days;
    ``start`` and ``end`` are as they were stated, read in ``zone``. The responses are by day and
    may be empty: no course reaches to the event.
    """

    kind: str
    label: str
    starts_at: datetime
    ends_at: datetime | None = None
    source: str = ""
    calendar_known: bool = True
    start: str = ""
    end: str = ""
    zone: str = "UTC"
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

    ``parameters`` names the parameter set that levels rest on, ``origin`` where it comes from, and
    ``content`` is the set as JSON; empty, and no margins, if there is none. ``undated`` counts
    scored images without a time, ``waiting`` has the ids of accepted ones that the course lacks,
    since the model version has not scored them yet. ``other_versions`` are model versions that also
    scored the patient, and ``same_identifier`` the keys of patients with the same identifier, with
    or without an issuer. ``is_due`` is whether newer scores, corrections, treatments or choices are
    not in it yet. ``seam`` is None of a course that rests on scores of its own model version alone.
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
    content: str = field(default="", repr=False)
    undated: int = 0
    waiting: frozenset[int] = frozenset()
    other_versions: tuple[str, ...] = ()
    same_identifier: tuple[str, ...] = ()
    is_due: bool = False
    seam: Seam | None = None


def course(session: Session, patient_key: str, model_version: str) -> Course:
    """Read a patient's course by one model version; without images where none is kept.

    The course of a patient who was merged into another is that of the other.

    Raises
    ------
    LookupError
        There is no such model version.
    """
    values = {"patient": patient_key, "model": model_version}
    # A few statements that are planned once for each connection.
    version = _VERSION.execute(session, values).one_or_none()
    if version is None:
        raise LookupError(f"no model version {model_version}")
    person = {"patient": version.person_key, "model": model_version}
    return Course(
        version.person_key,
        model_version,
        Scale(**version.scales["geographic_extent"]),
        Scale(**version.scales["opacity"]),
        _images(
            _IMAGES.execute(session, person),
            lungs.of_patient(session, version.person_key, model_version),
        ),
        _events(session, person),
        Margins(version.extent_margin, version.opacity_margin),
        version.course_parameters_sha256 or "",
        version.course_parameters_origin or "",
        version.content or "",
        undated=version.undated,
        waiting=patients.waiting_images(session, version.person_key, model_version),
        other_versions=tuple(version.other_versions),
        same_identifier=tuple(version.same_identifier),
        is_due=version.is_due,
    )


def _images(rows: Iterable[Row[Any]], by_image: Mapping[int, Lungs]) -> tuple[CourseImage, ...]:
    return with_view_changes(_image(row, by_image.get(row.image_id)) for row in rows)


def with_view_changes(in_order: Iterable[CourseImage]) -> tuple[CourseImage, ...]:
    """Return images with whether their view changed from that of the eligible image before."""
    images: list[CourseImage] = []
    views: dict[bool, View] = {}  # of the latest eligible image on each axis of time
    for image in in_order:
        before = views.get(image.calendar_known, image.view)
        if image.out_of_distribution is None:
            views[image.calendar_known] = image.view
            images.append(replace(image, view_changed=before is not image.view))
        else:
            images.append(replace(image, view_changed=False))
    return tuple(images)


def _image(row: Row[Any], of_lungs: Lungs | None) -> CourseImage:
    """Return an image from a row of `_IMAGES`; whether its view changed shows beside the others."""
    reason = row.out_of_distribution
    return CourseImage(
        row.image_id,
        row.acquired_at,
        row.calendar_known,
        row.episode,
        row.days_since_baseline,
        row.is_baseline,
        View(row.view),
        view_changed=False,
        simulated=row.simulated,
        out_of_distribution=None if reason is None else OutOfDistribution(reason),
        geographic_extent=_assessment(row[_EXTENT]),
        opacity=_assessment(row[_OPACITY]),
        time_of_day_known=row.time_of_day_known,
        zone=row.acquired_zone,
        lungs=of_lungs,
        unlike_processing=_processing(row.unlike_processing),
    )


def _processing(code: str | None) -> UnlikeProcessing | None:
    return None if code is None else UnlikeProcessing(code)


def _assessment(columns: Sequence[Any]) -> Assessment:
    """Return what is said of one score, from its columns in the order of `_SCORE`."""
    verdict = columns[10]
    return Assessment(
        points=columns[0],
        level=_band(columns[1:4]),
        smoothed=_band(columns[4:7]),
        worse=columns[7],
        better=columns[8],
        within=columns[9],
        verdict=None if verdict is None else Verdict(verdict),
        raw=columns[11],
    )


def _band(columns: Sequence[Any]) -> Band | None:
    level, low, high = columns
    return None if level is None else Band(level, low, high)


def _events(session: Session, person: Mapping[str, object]) -> tuple[Event, ...]:
    """Read a person's events with the responses to them; most persons have no event."""
    events = _EVENTS.execute(session, person).all()
    if not events:
        return ()
    by_event: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in _RESPONSES.execute(session, person):
        by_event[row.event_id].append(row)
    return tuple(_event(event, by_event[event.event_id]) for event in events)


def _event(event: Row[Any], responses: Sequence[Row[Any]]) -> Event:
    return Event(
        event.kind,
        event.label,
        event.starts_at,
        event.ends_at,
        event.source,
        event.calendar_known,
        event.start_time,
        event.end_time or "",
        event.zone,
        geographic_extent=tuple(_response(row, row[_EXTENT_RESPONSE]) for row in responses),
        opacity=tuple(_response(row, row[_OPACITY_RESPONSE]) for row in responses),
    )


def _response(row: Row[Any], columns: Sequence[Any]) -> Response:
    """Return what an event was followed by, from its columns in the order of `_RESPONSE`."""
    level, low, high, change, change_low, change_high, better, worse = columns
    return Response(
        row.day,
        row.is_extrapolated,
        Band(level, low, high),
        _band((change, change_low, change_high)),
        better,
        worse,
    )


def of_trend(trend: Trend) -> Course:
    """Return the images of a trend as a course without levels."""
    return Course(
        trend.patient_key,
        trend.model_version,
        trend.geographic_extent,
        trend.opacity,
        tuple(map(_of_observation, trend.observations)),
        undated=trend.undated,
        waiting=trend.waiting,
        other_versions=trend.other_versions,
        same_identifier=trend.same_identifier,
    )


def in_place_of(course: Course, trend: Trend) -> Course:
    """Return the images of a trend where no course is kept, with what is known all the same.

    That are the treatments, and whether the course is due.
    """
    return replace(of_trend(trend), events=course.events, is_due=course.is_due)


def _of_observation(observation: Observation) -> CourseImage:
    return CourseImage(
        image_id=observation.image_id,
        at=observation.acquired_at,
        calendar_known=observation.calendar_known,
        episode=1,
        days=observation.days_since_baseline,
        is_baseline=False,
        view=observation.view,
        view_changed=observation.view_changed,
        simulated=observation.simulated,
        out_of_distribution=observation.out_of_distribution,
        geographic_extent=Assessment(observation.geographic_extent),
        opacity=Assessment(observation.opacity),
        time_of_day_known=observation.time_of_day_known,
        zone=observation.acquired_zone,
        unlike_processing=observation.unlike_processing,
    )


# By subqueries of one key: joined, the views of all patients would be computed as a whole.
_VERSION = Prepared(
    """
    WITH person AS MATERIALIZED (
        SELECT coalesce(
            (SELECT person_key FROM patients WHERE patient_key = :patient), :patient
        ) AS key
    )
    SELECT
        person.key AS person_key,
        scales,
        course_parameters_sha256,
        course_parameters_origin,
        course_parameters::text AS content,
        extent_margin,
        opacity_margin,
        coalesce((
            SELECT undated FROM scored_patients AS scored
            WHERE scored.patient_key = person.key AND scored.model_version = :model
        ), 0) AS undated,
        ARRAY(
            SELECT other.model_version
            FROM scored_patients AS other JOIN model_versions AS version USING (model_version)
            WHERE other.patient_key = person.key AND other.model_version <> :model
            ORDER BY version.registered_at, other.model_version
        ) AS other_versions,
        ARRAY(
            SELECT other_key FROM same_identifier
            WHERE same_identifier.patient_key = person.key
            ORDER BY other_key
        ) AS same_identifier,
        EXISTS (
            SELECT FROM due_course AS due
            WHERE due.patient_key = person.key AND due.model_version = :model
        ) AS is_due
    FROM model_versions CROSS JOIN person
    WHERE model_versions.model_version = :model
    """
)

_SCORE = """
    extent_level, extent_low, extent_high,
    extent_smoothed_level, extent_smoothed_low, extent_smoothed_high,
    extent_worse, extent_better, extent_within, extent_verdict
"""

_EXTENT, _OPACITY = slice(9, 21), slice(21, 33)  # of a row of these
_IMAGES = Prepared(
    f"""
    SELECT image_id, acquired_at, calendar_known, episode, days_since_baseline, is_baseline,
        view, simulated, out_of_distribution,
        geographic_extent, {_SCORE}, geographic_extent_raw,
        opacity, {_SCORE.replace("extent_", "opacity_")}, opacity_raw,
        time_of_day_known, acquired_zone, unlike_processing
    FROM patient_course
    WHERE patient_key = :patient AND model_version = :model
    ORDER BY calendar_known DESC, acquired_at, image_id
    """  # noqa: S608 - constants
)

_EVENTS = Prepared(
    """
    SELECT event_id, kind, label, source, calendar_known, starts_at, ends_at, start_time, end_time,
        zone
    FROM patient_event
    WHERE patient_key = :patient
    ORDER BY calendar_known DESC, starts_at, event_id
    """
)

_RESPONSE = """
    extent_level, extent_low, extent_high, extent_change, extent_change_low, extent_change_high,
    extent_better, extent_worse
"""

_EXTENT_RESPONSE, _OPACITY_RESPONSE = slice(3, 11), slice(11, 19)  # of a row of these
_RESPONSES = Prepared(
    f"""
    SELECT event_id, day, is_extrapolated, {_RESPONSE}, {_RESPONSE.replace("extent_", "opacity_")}
    FROM event_response
    WHERE patient_key = :patient AND model_version = :model
    ORDER BY event_id, day
    """  # noqa: S608 - constants
)
