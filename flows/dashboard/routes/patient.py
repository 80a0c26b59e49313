"""The page of one patient, by pseudonym: course, films, treatments and responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from db.reading import courses, model_versions, patients, trends
from db.reading.courses import Assessment, Course, CourseImage
from db.reading.trends import Trend
from flows.courses.reading import can_bridge, read_course
from flows.dashboard.addresses import address
from flows.dashboard.charts.course_chart import chart
from flows.dashboard.clock import days_since
from flows.dashboard.films.film import Film, episodes, films_of
from flows.dashboard.pages import page
from flows.dashboard.reading import Bridged, Read, Reading
from flows.dashboard.request import resources_of
from flows.dashboard.routes.films_shown import has_saliency
from flows.dashboard.security.looks import Look
from flows.reports.courses import TimeAxis, missing_course
from flows.reports.courses.text import RESPONSE_DAYS, when
from flows.reports.courses.words import (
    NOT_UP_TO_DATE,
    course_notes,
    is_told_from_before,
    latest,
    recency,
)
from severity.domain import Scale, View

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Summary:
    """What the course says of one score now; ``assessment`` is that of the latest film."""

    name: str
    scale: Scale
    assessment: Assessment


@router.get("/patients/{patient_key}", dependencies=[Depends(Look("patient"))])
def patient_html(
    request: Request,
    reading: Read,
    patient_key: str,
    bridged: Bridged,
    axis: TimeAxis = TimeAxis.CALENDAR,
) -> Response:
    """Return the page of a patient; of one who was merged into another, that of the other."""
    person = trends.person(reading.session, patient_key)
    if person != patient_key:
        target = address(f"/patients/{person}", **request.query_params)
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)
    trend = trends.trend(reading.session, person, reading.version)
    if not trend.observations:
        return _without_films(request, reading, trend)
    course = read_course(reading.session, person, reading.version, bridged=bridged)
    missing = missing_course(course)
    shown = course if course.images else courses.in_place_of(course, trend)
    resources = resources_of(request)
    merged = patients.merged_images(reading.session, person, zone=resources.settings.zone)
    values = _values(reading, shown, films_of(shown, trend, merged), axis) | {
        "missing": missing,
        # Else levels may rest on films that no longer count; the films' own scores are as they are.
        "not_up_to_date": NOT_UP_TO_DATE if shown.is_due and course.images else "",
        "are_films_shown": resources.settings.dashboard_films,
        "has_saliency": has_saliency(),
        "can_bridge": can_bridge(reading.session, course),
    }
    return page(request, "patient.html", values)


def _without_films(request: Request, reading: Reading, trend: Trend) -> Response:
    """Return a page that says whether others scored the patient, or nobody knows of one."""
    values = {
        "patient_key": trend.patient_key,
        "undated": trend.undated,
        "waiting": len(trend.waiting),
        "not_counted": patients.not_counted(reading.session, trend.patient_key),
        "versions": model_versions.of_patient(
            reading.session, trend.patient_key, excluding=reading.version
        ),
    }
    return page(request, "no_films.html", values, status=HTTPStatus.NOT_FOUND)


def _values(
    reading: Reading, course: Course, films: list[Film], axis: TimeAxis
) -> dict[str, object]:
    last, last_film = latest(course.images), max(films, key=lambda film: recency(film.image))
    baseline = _baseline(films, last)
    return {
        "course": course,
        "films": films,
        "episodes": episodes(films),
        "last_film": last_film,
        "days_ago": days_since(
            last_film.image.at, last_film.image.zone, calendar_known=last_film.image.calendar_known
        ),
        "now": last,
        "told_from_before": when(last) if last and is_told_from_before(course.images) else "",
        "baseline": baseline,
        "by_lung": _by_lung(baseline, last_film),
        "summaries": _summaries(course, last) if last else [],
        "groups": patients.groups(reading.session, course.patient_key),
        "views": _views(films),
        "simulated": any(image.simulated for image in course.images),
        "has_remarks": any(film.remarks for film in films),
        "merged_keys": sorted({film.merged.patient_key for film in films if film.merged}),
        "notes": [note for note in course_notes(course) if note != NOT_UP_TO_DATE],
        "response_days": RESPONSE_DAYS,
        "axis": axis,
        "has_dates": any(image.calendar_known for image in course.images),
        "chart": chart(course, films, axis),
    }


def _summaries(course: Course, last: CourseImage) -> list[Summary]:
    return [
        Summary("geographic_extent", course.geographic_extent, last.geographic_extent),
        Summary("opacity", course.opacity, last.opacity),
    ]


def _baseline(films: list[Film], last: CourseImage | None) -> Film | None:
    """Return the baseline of the latest episode."""
    if last is None:
        return None
    episode = (last.calendar_known, last.episode)
    return next(
        (
            film
            for film in films
            if film.image.is_baseline and (film.image.calendar_known, film.image.episode) == episode
        ),
        None,
    )


def _by_lung(baseline: Film | None, last: Film) -> list[Film]:
    """Return the films whose lungs are shown beside each other: the baseline and the last one."""
    first = [baseline] if baseline and baseline.number != last.number else []
    return [film for film in (*first, last) if film.image.lungs is not None]


def _views(films: list[Film]) -> Mapping[View, int]:
    """Count the films of each view that there are."""
    counts = {view: sum(film.image.view is view for film in films) for view in View}
    return {view: count for view, count in counts.items() if count}
