"""The page of whoever watches a site: what came in, what became of it, and whether it drifts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from db.reading.site import balances, operations
from db.reading.site.operations import HourCounts
from flows.alerts.alert import site_alerts
from flows.dashboard.charts.drift_charts import DeviceCharts, device_charts
from flows.dashboard.charts.line_chart import Chart, bar_chart
from flows.dashboard.clock import clock_of, elapsed
from flows.dashboard.pages import page
from flows.dashboard.reading import Reading, ReadSite
from flows.dashboard.request import resources_of
from flows.dashboard.texts import texts
from flows.drift import draw
from flows.drift.text import finding_text

router = APIRouter(include_in_schema=False)
_DAYS = 14  # of throughput that are shown


@dataclass(frozen=True)
class DayCounts:
    """What came in and what was done in one day of the site's zone, as counts."""

    day: date
    received: int = 0
    scored: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class Drift:
    """What the charts of the site say, in a sentence and by device."""

    text: str
    is_out: bool
    devices: tuple[DeviceCharts, ...]


@router.get("/operations")
def operations_page(request: Request, reading: ReadSite) -> HTMLResponse:
    """Return the page of a site's operations."""
    resources = resources_of(request)
    session, zone = reading.session, resources.settings.zone
    sources = balances.balances(session)
    days = _days(operations.hour_counts(session, _since(zone)), zone)
    values = {
        "alerts": site_alerts(session, datetime.now(UTC)),
        "sources": sources,
        "holds": all(source.holds for source in sources),
        "oldest": operations.oldest_waiting(session),
        "days": days,
        "throughput": _throughput(days),
        "rejections": balances.rejections(session),
        "runs": operations.last_runs(session),
        "drift": _drift(reading),
        "versions": operations.versions(session),
        "at": clock_of(request),
        "elapsed": elapsed,
        "zone": resources.settings.timezone,
    }
    return page(request, "operations.html", values)


def _since(zone: tzinfo) -> datetime:
    """Return the beginning of the first day that is shown."""
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - timedelta(days=_DAYS - 1)).astimezone(UTC)


def _days(hours: Sequence[HourCounts], zone: tzinfo) -> list[DayCounts]:
    """Sum hours up to days of a zone, all of those that are shown, the earliest first."""
    sums: dict[date, list[int]] = defaultdict(lambda: [0, 0, 0])
    for hour in hours:
        counts = sums[hour.hour.astimezone(zone).date()]
        for place, count in enumerate((hour.received, hour.scored, hour.rejected)):
            counts[place] += count
    today = datetime.now(zone).date()
    days = [today - timedelta(days=back) for back in reversed(range(_DAYS))]
    return [DayCounts(day, *sums[day]) for day in days]


def _throughput(days: Sequence[DayCounts]) -> Chart:
    words = texts().operations
    return bar_chart(
        words.throughput_label,
        [(f"{day.day:%m-%d}", day.scored, words.day.format(**asdict(day))) for day in days],
    )


def _drift(reading: Reading) -> Drift:
    drift = draw(reading.session, reading.version)
    return Drift(finding_text(drift), drift.finding is not None, tuple(device_charts(drift)))
