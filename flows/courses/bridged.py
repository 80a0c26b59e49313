"""A patient's course across a change of the model version: computed when it is read.

The images that the current version has not scored come from the former one, converted by a
bridge. The courses that are kept stay those of one model version.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from db.courses.choices import Choice
from db.courses.films import EPOCH, MICROSECOND, StoredFilms, times_of_known_order
from db.engine import Transaction
from db.reading import bridges, courses
from db.reading.bridges import ReadChoice, StoredBridge
from db.reading.courses import Assessment, Band, Course, CourseImage, Seam, SeamLine
from flows.courses.following import Conversion, Rules, followed
from severity.bridging.bridge import Bridge, Converted, ScoreBridge
from severity.course.band import band
from severity.course.course import Courses
from severity.course.episodes import since_baselines
from severity.course.parameters import CourseParameters
from severity.course.series import NOWHERE, Conversions, Numbers, view_code
from severity.course.verdicts import NO_VERDICT, VERDICTS
from severity.domain import Scale

_ONE_PERSON = 0


def bridged_course(session: Transaction, patient_key: str, model_version: str) -> Course:
    """Read a patient's course, which goes on across the newest bridge that converts an image.

    It is the plain course where no bridge to its model version comes from a version that scored the
    patient, or nothing has to be converted, or where it has no image to go on from.

    Raises
    ------
    LookupError
        There is no such model version.
    WrongParameters
        Another version of this program wrote the bridge or the parameters.
    """
    plain = courses.course(session, patient_key, model_version)
    for stored in bridges.bridges(session, model_version):
        if plain.images and plain.content and stored.former_version in plain.other_versions:
            former = courses.course(session, patient_key, stored.former_version)
            course = joined(plain, former, stored, bridges.choice(session, plain.patient_key))
            if course.seam is not None:
                return course
    return plain


def joined(plain: Course, former: Course, stored: StoredBridge, chosen: ReadChoice) -> Course:
    """Return the course of all images of both, of which the former's are converted, if any is.

    An image that both versions scored is the current version's own. Treatments stay; the responses
    to them are those of plain courses, and left out.
    """
    bridge = Bridge.from_json(stored.content)
    images, converted = _images(plain, former, bridge)
    if not converted:
        return plain
    seam = _seam(stored, bridge, converted)
    events = tuple(replace(event, geographic_extent=(), opacity=()) for event in plain.events)
    waiting = plain.waiting - {image.image_id for image in images}
    is_due = plain.is_due or former.is_due
    course = replace(plain, seam=seam, events=events, waiting=waiting, is_due=is_due)
    return replace(course, images=_assessed(images, course, chosen))


def _images(
    plain: Course, former: Course, bridge: Bridge
) -> tuple[list[CourseImage], list[CourseImage]]:
    """Return all images in the order of a course, and those of them that were converted."""
    own = {image.image_id for image in plain.images}
    others = [image for image in former.images if image.image_id not in own]
    converted = _converted(others, former, plain, bridge)
    images = sorted(
        [*plain.images, *converted],
        key=lambda image: (not image.calendar_known, image.at, image.image_id),
    )
    return images, converted


def _converted(
    images: Sequence[CourseImage], former: Course, plain: Course, bridge: Bridge
) -> list[CourseImage]:
    extents = _assessments(images, "geographic_extent", bridge.geographic_extent, plain)
    opacities = _assessments(images, "opacity", bridge.opacity, plain)
    return [
        replace(image, geographic_extent=extent, opacity=opacity, scored_by=former.model_version)
        for image, extent, opacity in zip(images, extents, opacities, strict=True)
    ]


def _assessments(
    images: Sequence[CourseImage], score: str, bridge: ScoreBridge, plain: Course
) -> list[Assessment]:
    """Return each image's converted score; raw is None where the bridge says nothing of it."""
    scale: Scale = getattr(plain, score)
    former: list[Assessment] = [getattr(image, score) for image in images]
    converted: Converted = bridge.convert(np.array([each.raw for each in former], dtype=float))
    columns = (converted.points, converted.shared, converted.own, converted.within)
    return [
        Assessment(
            scale.clip(points),
            raw=points if within else None,
            former=each.points,
            shared_sd=shared,
            own_sd=own,
        )
        for each, points, shared, own, within in zip(
            former, *(column.tolist() for column in columns), strict=True
        )
    ]


def _seam(stored: StoredBridge, bridge: Bridge, converted: Sequence[CourseImage]) -> Seam:
    return Seam(
        stored.id,
        stored.former_version,
        stored.learned_at,
        stored.patients,
        stored.films,
        _line(bridge.geographic_extent),
        _line(bridge.opacity),
        left_out=sum(
            image.out_of_distribution is None and not image.moves_levels for image in converted
        ),
    )


def _line(bridge: ScoreBridge) -> SeamLine:
    return SeamLine(bridge.line.intercept, bridge.line.slope, bridge.spread)


def _assessed(
    images: Sequence[CourseImage], course: Course, chosen: ReadChoice
) -> tuple[CourseImage, ...]:
    """Return the images in episodes of their own, with levels and verdicts."""
    films = followed(
        _stored(images), _choices(chosen), _rules(course), conversion=_conversion(images)
    )
    extents = _courses(films.extent, course.geographic_extent)
    opacities = _courses(films.opacity, course.opacity)
    days = since_baselines(films.films, films.baselines).tolist()
    numbers = films.episodes.tolist()
    baselines = {row for row in films.baselines.tolist() if row != NOWHERE}
    assessed = [
        replace(
            image,
            episode=numbers[row],
            days=days[row],
            is_baseline=row in baselines,
            geographic_extent=extents[row].of(image.geographic_extent),
            opacity=opacities[row].of(image.opacity),
        )
        for row, image in enumerate(images)
    ]
    return courses.with_view_changes(assessed)


def _stored(images: Sequence[CourseImage]) -> StoredFilms:
    """Return images as the films that courses are computed from; all of one person."""
    films = StoredFilms(
        np.array([image.image_id for image in images], dtype=np.int64),
        np.full(len(images), _ONE_PERSON, dtype=np.int64),
        np.array([(image.at - EPOCH) // MICROSECOND for image in images], dtype=np.int64),
        _raw(images, "geographic_extent"),
        _raw(images, "opacity"),
        np.array([view_code(image.view) for image in images], dtype=np.int16),
        np.array([image.calendar_known for image in images], dtype=bool),
        np.array([image.moves_levels for image in images], dtype=bool),
        {},
    )
    date_alone = np.array([not image.time_of_day_known for image in images], dtype=bool)
    zones = np.array([image.zone for image in images], dtype=np.bytes_)
    return replace(films, times=times_of_known_order(films, date_alone, zones))


def _raw(images: Sequence[CourseImage], score: str) -> Numbers:
    return np.array([getattr(image, score).raw for image in images], dtype=float)


def _choices(chosen: ReadChoice) -> list[Choice]:
    at = None if chosen.treatment_at is None else (chosen.treatment_at - EPOCH) // MICROSECOND
    return [
        Choice(
            _ONE_PERSON, chosen.episode_days, chosen.baseline_image_id, at, chosen.calendar_known
        )
    ]


def _rules(course: Course) -> Rules:
    return Rules(
        model_version_id=0,
        model_version=course.model_version,
        parameters_id=0,
        parameters=CourseParameters.from_json(course.content),
        extent_scale=course.geographic_extent,
        opacity_scale=course.opacity,
    )


def _conversion(images: Sequence[CourseImage]) -> Conversion:
    return Conversion(_conversions(images, "geographic_extent"), _conversions(images, "opacity"))


def _conversions(images: Sequence[CourseImage], score: str) -> Conversions:
    assessments: list[Assessment] = [getattr(image, score) for image in images]
    return Conversions(
        np.array([assessment.shared_sd for assessment in assessments]),
        np.array([assessment.own_sd for assessment in assessments]),
    )


@dataclass(frozen=True)
class _Row:
    """What one image's course says of one score."""

    level: Band | None
    smoothed: Band | None
    worse: float | None
    better: float | None
    within: float | None
    verdict: int

    def of(self, assessment: Assessment) -> Assessment:
        return replace(
            assessment,
            level=self.level,
            smoothed=self.smoothed,
            worse=self.worse,
            better=self.better,
            within=self.within,
            verdict=None if self.verdict == NO_VERDICT else VERDICTS[self.verdict],
        )


def _courses(score: Courses, scale: Scale) -> list[_Row]:
    levels = _bands(score.level, score.sd, scale)
    smoothed = _bands(score.smoothed_level, score.smoothed_sd, scale)
    chances = (_known(column) for column in (score.worse, score.better, score.within))
    return [
        _Row(*row) for row in zip(levels, smoothed, *chances, score.verdicts.tolist(), strict=True)
    ]


def _bands(level: Numbers, sd: Numbers, scale: Scale) -> list[Band | None]:
    rows = zip(*(ends.tolist() for ends in band(level, sd, scale)), strict=True)
    return [None if np.isnan(row[0]) else Band(*row) for row in rows]


def _known(column: Numbers) -> list[float | None]:
    return [None if np.isnan(number) else number for number in column.tolist()]
