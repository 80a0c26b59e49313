"""The same as JSON, for other dashboards and records systems: below ``/api/v1``.

Within a version, fields are added and never renamed, removed or given another meaning.
"""

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse

from db.reading import courses, trends
from db.reading.courses import Course, CourseImage, Event, Margins, Seam
from db.reading.site import balances, operations
from db.reading.site.balances import SourceBalance
from db.reading.site.operations import Waiting
from db.reading.worklist import WorklistRow
from flows.courses.reading import read_course
from flows.dashboard.pages import page
from flows.dashboard.reading import Bridged, Read, Reading, ReadSite
from flows.dashboard.routes.worklist import Chosen, read_page
from flows.dashboard.security.looks import Look
from flows.dashboard.texts import texts
from flows.reports.courses.words import course_notes
from severity.domain import RESEARCH_USE_ONLY, Scale

VERSION = "1"
PREFIX = f"/api/v{VERSION}"

router = APIRouter(prefix=PREFIX)
description = APIRouter(include_in_schema=False)

PatientKey = Annotated[
    str, Path(description="The patient's pseudonym; never an identifier of the hospital")
]


Limit = Annotated[int, Query(ge=1, le=1000, description="The most patients")]


@dataclass(frozen=True)
class WorklistAnswer:
    """A page of the worklist, the most probably worse first.

    ``next`` is the ``after`` of the page that follows, None on the last one.
    """

    model_version: str
    patients: tuple[WorklistRow, ...]
    next: str | None
    note: str = RESEARCH_USE_ONLY


@dataclass(frozen=True)
class CourseAnswer:
    """A patient's films with scores, levels, 90 % bands and verdicts, oldest first.

    ``seam`` is the bridge by which the course goes on across a change of the model version, None
    of a plain course. Films with ``scored_by`` were scored by another version, and converted.
    ``waiting`` counts the films that the model version has not scored yet: the course lacks them.
    Where ``is_due``, newer scores, corrections, treatments or choices are not in it yet.
    """

    patient_key: str
    model_version: str
    geographic_extent: Scale
    opacity: Scale
    margins: Margins
    images: tuple[CourseImage, ...]
    undated: int
    parameters: str
    parameters_origin: str
    other_versions: tuple[str, ...]
    notes: tuple[str, ...]
    seam: Seam | None = None
    waiting: int = 0
    is_due: bool = False


@dataclass(frozen=True)
class ResponsesAnswer:
    """A patient's treatments, each with the levels just before it (day 0) and days after.

    It describes what happened, not what the treatment caused.
    """

    patient_key: str
    model_version: str
    events: tuple[Event, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class VersionAnswer:
    """What became of the accepted images of a source by one model version, as counts.

    They hold if accepted = scored + waiting + failed + withdrawn. ``out_of_distribution`` counts a
    part of the scored ones; ``is_enlisted`` is false while older images are still being enlisted.
    """

    model_version: str
    scored: int
    waiting: int
    failed: int
    out_of_distribution: int
    is_enlisted: bool
    holds: bool


@dataclass(frozen=True)
class SourceAnswer:
    """What became of all that was ever seen in a source, as counts.

    They hold if seen = accepted + rejected + unread, and if those of each model version do.
    ``source`` is its location, ``name`` what the site calls it.
    """

    source: str
    name: str
    seen: int
    accepted: int
    rejected: int
    unread: int
    copies: int
    obstacles: int
    withdrawn: int
    versions: tuple[VersionAnswer, ...]
    holds: bool


@dataclass(frozen=True)
class BalanceAnswer:
    """The balance of all sources, rejections by reason, and since when the oldest image waits.

    Where ``holds`` is false, something was lost: stop, keep the database, and report it.
    """

    sources: tuple[SourceAnswer, ...]
    holds: bool
    rejections: dict[str, int]
    oldest_waiting: tuple[Waiting, ...]
    note: str = RESEARCH_USE_ONLY


@router.get("/worklist")
def worklist(reading: Read, filters: Chosen, limit: Limit = 50) -> WorklistAnswer:
    """List patients by the probability that they are worse than at their baseline."""
    shown = read_page(reading, filters, limit=limit)
    return WorklistAnswer(reading.version, shown.rows, shown.next)


@router.get("/patients/{patient_key}/course", dependencies=[Depends(Look("api course"))])
def course(reading: Read, patient_key: PatientKey, bridged: Bridged) -> CourseAnswer:
    """Return the course of a patient; of one who was merged into another, that of the other.

    Without a course, the films' own scores are there, and levels and verdicts are null.
    """
    read = _course(reading, patient_key, bridged=bridged)
    return CourseAnswer(
        read.patient_key,
        read.model_version,
        read.geographic_extent,
        read.opacity,
        read.margins,
        read.images,
        read.undated,
        read.parameters,
        read.origin,
        read.other_versions,
        tuple(course_notes(read)),
        read.seam,
        len(read.waiting),
        read.is_due,
    )


@router.get("/patients/{patient_key}/responses", dependencies=[Depends(Look("api responses"))])
def responses(reading: Read, patient_key: PatientKey) -> ResponsesAnswer:
    """Return how the levels of a patient went around each treatment."""
    read = _course(reading, patient_key)
    return ResponsesAnswer(
        read.patient_key, read.model_version, read.events, tuple(course_notes(read))
    )


@router.get("/balance")
def balance(site: ReadSite) -> BalanceAnswer:
    """Return what became of all that was ever seen, by source and model version."""
    session = site.session
    sources = tuple(_source_answer(source) for source in balances.balances(session))
    return BalanceAnswer(
        sources,
        all(source.holds for source in sources),
        balances.rejections(session),
        tuple(operations.oldest_waiting(session)),
    )


def _source_answer(source: SourceBalance) -> SourceAnswer:
    versions = tuple(
        VersionAnswer(**asdict(version), holds=source.holds_for(version))
        for version in source.versions
    )
    return SourceAnswer(**asdict(source) | {"versions": versions}, holds=source.holds)


@description.get("/api")
def api_html(request: Request) -> HTMLResponse:
    """Return the description of this interface as a page, without a script from the internet."""
    return page(request, "api.html", {"document": request.app.openapi(), "prefix": PREFIX})


def _course(reading: Reading, patient_key: str, *, bridged: bool = False) -> Course:
    """Read a course, or the films alone where none is kept.

    Raises
    ------
    HTTPException
        404: this model version has scored no dated film of such a patient.
    """
    read = read_course(reading.session, patient_key, reading.version, bridged=bridged)
    if not read.images:
        trend = trends.trend(reading.session, patient_key, reading.version)
        read = courses.in_place_of(read, trend)
    if not read.images:
        raise HTTPException(HTTPStatus.NOT_FOUND, texts().patient.no_films_by)
    return read
