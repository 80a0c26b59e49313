"""The charts of a site as text and JSON: what is in control, what is not since when, and why."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from db.drift import COUNTS_FOR, Report, Restart
from flows.drift.drawing import SiteDrift
from severity.domain import RESEARCH_USE_ONLY, Device, Measure
from severity.drift import REFERENCE_NIGHTS, SITE, Cause, Chart, Stream

_NAMES = {
    Measure.EXTENT: "geographic extent, points",
    Measure.OPACITY: "opacity, points",
    Measure.DISTANCE: "distance to known films, log",
    Measure.ERROR: "error of repeats, root of points",
}


def drift_table(drift: SiteDrift) -> RenderableType:
    """Return the charts of a site, one in a row, and what they mean."""
    table = Table(box=box.SIMPLE_HEAD, title=drift.model_version, title_justify="left")
    for name in ("device", "chart of"):
        table.add_column(name, overflow="fold")
    for name in ("nights", "differs by", "limit"):
        table.add_column(name, justify="right")
    table.add_column("state")
    for stream, chart in drift.charts.items():
        table.add_row(*_row(drift, stream, chart))
    text, style = finding_text(drift), "bold red" if drift.finding else ""
    lines = [text, *([_restart_text(drift.restart)] if drift.restart else [])]
    return Group(table, Text("\n".join(lines), style=style), Text(RESEARCH_USE_ONLY))


def _restart_text(restart: Restart) -> str:
    return f"They learn from {restart.day} on, as {restart.who} decided: {restart.why}"


def _row(drift: SiteDrift, stream: Stream, chart: Chart) -> tuple[str | Text, ...]:
    relative = ", relative to others" if stream.is_relative else ""
    names = device_name(drift.devices, stream.device), _NAMES[stream.measure] + relative
    nights = str(len(chart.days))
    if chart.is_learning:
        return (*names, nights, "", "", Text(f"learns until night {REFERENCE_NIGHTS}", style="dim"))
    since = chart.alarm_since
    state = Text(f"OUT since {since}", style="bold red") if since else Text("in control")
    return (*names, nights, f"{chart.shift:+.2f}", f"{chart.limit[-1]:.2f}", state)


def finding_text(drift: SiteDrift) -> str:
    """Return in a sentence what is out of control, since when, and what that means."""
    finding = drift.finding
    if finding is None:
        judged = any(not chart.is_learning for chart in drift.charts.values())
        return "All charts that judge are in control." if judged else "No chart judges yet."
    measures = ", ".join(measure.value.replace("_", " ") for measure in finding.measures)
    if finding.cause is not Cause.MACHINE:
        moved = {True: "to be sicker", False: "to be less sick", None: "to be others"}
        seem = f"Since {finding.since} the patients seem {moved[finding.higher]}"
        if finding.cause is Cause.EITHER:
            return (
                f"{seem}, or a machine has changed: {measures} moved, and the charts that would "
                "tell cannot judge yet."
            )
        return f"{seem}: {measures} moved, and {_quiet_text(drift)} did not."
    where = ", ".join(device_name(drift.devices, device) for device in finding.devices)
    return (
        f"Since {finding.since} a machine or its settings seem to have changed "
        f"({where or 'no single device'}): {measures} moved. Scores since then may not be "
        "comparable with those before."
    )


def _quiet_text(drift: SiteDrift) -> str:
    """Name what would have moved with a machine, as far as it was judged."""
    judged = {stream for stream, chart in drift.charts.items() if not chart.is_learning}
    quiet = [
        name
        for name, is_judged in (
            ("the distance to known films", Stream(SITE, Measure.DISTANCE) in judged),
            ("the error of repeats", Stream(SITE, Measure.ERROR) in judged),
            ("one device alone", any(stream.is_relative for stream in judged)),
        )
        if is_judged
    ]
    return " and ".join(quiet)


def device_name(devices: Mapping[int, Device], device: int) -> str:
    """Return how a device is shown: its manufacturer, its model and the key of its station."""
    if device == SITE:
        return "all devices"
    names = devices.get(device, Device())
    shown = " ".join(name for name in (names.manufacturer, names.model, names.station) if name)
    return shown or "device unknown"


def finding_plain(drift: SiteDrift) -> dict[str, object] | None:
    """Return what is out of control as values for JSON; None while nothing is."""
    finding = drift.finding
    if finding is None:
        return None
    return {
        "cause": finding.cause.value,
        "since": finding.since.isoformat(),
        "measures": [measure.value for measure in finding.measures],
        "devices": [device_name(drift.devices, device) for device in finding.devices],
        "text": finding_text(drift),
    }


def drift_json(drift: SiteDrift) -> str:
    """Return the charts of a site as JSON, with what they mean."""
    content = {
        "model_version": drift.model_version,
        "finding": finding_plain(drift),
        "learning_since": drift.restart.day.isoformat() if drift.restart else None,
        "charts": [_chart_plain(drift, *item) for item in drift.charts.items()],
        "note": RESEARCH_USE_ONLY,
    }
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _chart_plain(drift: SiteDrift, stream: Stream, chart: Chart) -> dict[str, object]:
    since = chart.alarm_since
    return {
        "device": device_name(drift.devices, stream.device),
        "measure": stream.measure.value,
        "relative_to_others": stream.is_relative,
        "nights": len(chart.days),
        "learning": chart.is_learning,
        "shift": None if chart.is_learning else chart.shift,
        "limit": None if chart.is_learning else float(chart.limit[-1]),
        "out_since": since.isoformat() if since else None,
    }


def reports_text(reports: Iterable[Report]) -> list[Text]:
    """Return a line for each model version whose charts are out of control, as alerts do."""
    drawn_lately = datetime.now(UTC) - COUNTS_FOR
    return [
        Text(
            f"Drift ({report.model_version}): {report.finding['text']} See `cxr-severity drift`.",
            style="bold red",
        )
        for report in reports
        if report.finding is not None and report.drawn_at > drawn_lately
    ]
