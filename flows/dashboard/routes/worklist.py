"""The worklist: patients by the probability that they are worse than at their baseline."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from io import StringIO
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import Field

from db.reading import model_versions
from db.reading.courses import Band
from db.reading.site import balances
from db.reading.worklist import WorklistFilter, WorklistPage, WorklistRow, groups, worklist_page
from flows.dashboard.addresses import address
from flows.dashboard.charts.sparkline import Sparkline, sparkline
from flows.dashboard.clock import days_since
from flows.dashboard.pages import page
from flows.dashboard.reading import Read, Reading
from flows.dashboard.request import OPTIONAL
from flows.dashboard.texts import texts
from flows.reports import write_csv
from severity.domain import Scale, Verdict, View
from severity.vocabulary.times import local_date

router = APIRouter(include_in_schema=False)

PERIODS = (1, 7, 30, 90, 365)
"""Days that the worklist can be limited to, by the latest film."""


@dataclass(frozen=True)
class Filters:
    """Which patients are shown, and from which place of the list."""

    verdict: Annotated[
        Verdict | None, OPTIONAL, Query(description="Of geographic extent, at the latest film")
    ] = None
    days: Annotated[
        Annotated[int, Field(ge=1, le=36_500)] | None,
        OPTIONAL,
        Query(description="The latest film was taken within so many days"),
    ] = None
    group: Annotated[
        str | None,
        OPTIONAL,
        Query(description="A group that patients belong to, as name=value"),
    ] = None
    view: Annotated[View | None, OPTIONAL, Query(description="Of the latest film")] = None
    after: Annotated[
        str | None,
        OPTIONAL,
        Query(description="`next` of the page before; the first if absent"),
    ] = None

    def of_version(self, model_version: str) -> WorklistFilter:
        """Return which patients are read."""
        since = None if self.days is None else datetime.now(UTC) - timedelta(days=self.days)
        return WorklistFilter(model_version, self.verdict, since, self.group, self.view)

    @property
    def parameters(self) -> dict[str, object]:
        """The choices as an address has them, without the place."""
        chosen = {name: value for name, value in vars(self).items() if value is not None}
        return {name: value for name, value in chosen.items() if name != "after"}


Chosen = Annotated[Filters, Depends()]
"""The type of a parameter by which an answer asks for the choices in its address."""


@dataclass(frozen=True)
class Entry:
    """A row as it is shown: the latest film's date, and how many days ago that was.

    Both are None where no date is known.
    """

    row: WorklistRow
    href: str
    latest: date | None
    days_ago: int | None
    line: Sparkline | None


@router.get("/")
def worklist_html(request: Request, reading: Read, filters: Chosen) -> HTMLResponse:
    """Return the worklist as a page."""
    shown = read_page(reading, filters)
    model = request.query_params.get("model")
    asked = {**filters.parameters, "model": model}
    values = {
        "filters": filters,
        "entries": _entries(shown, reading, model),
        "groups": groups(reading.session, reading.version),
        "verdicts": list(Verdict),
        "views": list(View),
        "periods": PERIODS,
        "waiting": _waiting(reading),
        "first": address("/", **asked) if filters.after else None,
        "next": address("/", **asked, after=shown.next) if shown.next else None,
        "csv": address("/worklist.csv", **asked, after=filters.after),
    }
    return page(request, "worklist.html", values)


@router.get("/worklist.csv")
def worklist_csv(reading: Read, filters: Chosen) -> Response:
    """Return the rows that the page with the same choices shows."""
    out = StringIO()
    rows = [_cells(row) for row in read_page(reading, filters).rows]
    write_csv(out, rows, columns=_COLUMNS)
    headers = {"Content-Disposition": 'attachment; filename="worklist.csv"'}
    return Response(out.getvalue(), media_type="text/csv", headers=headers)


def read_page(reading: Reading, filters: Filters, *, limit: int = 50) -> WorklistPage:
    """Read the rows that are asked for.

    Raises
    ------
    HTTPException
        400: ``after`` is no place of a worklist.
    """
    chosen = filters.of_version(reading.version)
    try:
        return worklist_page(reading.session, chosen, limit=limit, after=filters.after)
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, texts().failures.invalid) from error


def _entries(shown: WorklistPage, reading: Reading, model: str | None) -> list[Entry]:
    scale = model_versions.scales(reading.session, reading.version)["geographic_extent"]
    return [_entry(row, scale, model) for row in shown.rows]


def _entry(row: WorklistRow, scale: Scale, model: str | None) -> Entry:
    return Entry(
        row,
        address(f"/patients/{row.patient_key}", model=model),
        local_date(row.latest_at, row.latest_zone) if row.calendar_known else None,
        days_since(row.latest_at, row.latest_zone, calendar_known=row.calendar_known),
        sparkline(row.recent, scale),
    )


def _waiting(reading: Reading) -> int:
    """Count the site's films that are unread or wait for a score: of whom, is not known yet."""
    sources = balances.balances(reading.session)
    return sum(
        source.of(reading.version).waiting + source.unread - source.obstacles for source in sources
    )


_COLUMNS = (
    "patient_key",
    "verdict",
    "probability_worse",
    "extent_level",
    "extent_low",
    "extent_high",
    "opacity_level",
    "opacity_low",
    "opacity_high",
    "latest_at",
    "calendar_known",
    "latest_view",
    "latest_out_of_distribution",
    "latest_unlike_processing",
    "films",
    "films_waiting",
    "is_due",
)


def _cells(row: WorklistRow) -> dict[str, object]:
    """Return a row of the file by column; what is not known is empty."""
    return {
        "patient_key": row.patient_key,
        "verdict": row.verdict and row.verdict.value,
        "probability_worse": row.worsening,
        **_band_cells("extent", row.extent),
        **_band_cells("opacity", row.opacity),
        "latest_at": _latest_at(row),
        "calendar_known": row.calendar_known,
        "latest_view": row.latest_view.value,
        "latest_out_of_distribution": row.latest_out_of_distribution,
        "latest_unlike_processing": row.latest_unlike_processing,
        "films": row.images,
        "films_waiting": row.waiting,
        "is_due": row.is_due,
    }


def _latest_at(row: WorklistRow) -> str | None:
    """Return the time of the latest film, its date where only that is known; None without one."""
    if not row.calendar_known:
        return None
    if not row.latest_time_known:
        return local_date(row.latest_at, row.latest_zone).isoformat()
    return row.latest_at.isoformat()


def _band_cells(score: str, band: Band | None) -> dict[str, object]:
    level, low, high = (band.level, band.low, band.high) if band else (None, None, None)
    return {f"{score}_level": level, f"{score}_low": low, f"{score}_high": high}
