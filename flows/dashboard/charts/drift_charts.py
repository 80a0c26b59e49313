"""The control charts of a site as drawings: the smoothed difference of nights, and its limits."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite

import numpy as np

from flows.dashboard.charts import line_chart
from flows.dashboard.charts.line_chart import Line, Point
from flows.dashboard.texts import texts
from flows.drift import SiteDrift
from flows.drift.text import device_name
from severity.drift import REFERENCE_NIGHTS, Chart, Stream

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class DrawnStream:
    """One chart: what it follows, what it says in words, and its drawing once it judges."""

    title: str
    state: str
    is_out: bool
    nights: int
    drawing: line_chart.Chart | None


@dataclass(frozen=True)
class DeviceCharts:
    """The charts of one device, or of all together."""

    device: str
    streams: tuple[DrawnStream, ...]

    @property
    def is_out(self) -> bool:
        """Whether one of them is out of control."""
        return any(stream.is_out for stream in self.streams)


def device_charts(drift: SiteDrift) -> list[DeviceCharts]:
    """Return the charts of a site by device, those of all devices together first."""
    by_device: dict[int, list[DrawnStream]] = {}
    for stream, chart in drift.charts.items():
        by_device.setdefault(stream.device, []).append(_drawn(stream, chart))
    return [
        DeviceCharts(device_name(drift.devices, device), tuple(streams))
        for device, streams in by_device.items()
    ]


def _drawn(stream: Stream, chart: Chart) -> DrawnStream:
    words = texts().drift
    relative = f", {words.relative}" if stream.is_relative else ""
    title = vars(texts().measures)[stream.measure.value] + relative
    nights, since = len(chart.days), chart.alarm_since
    if chart.is_learning:
        state = words.learning.format(nights=nights, reference=REFERENCE_NIGHTS)
        return DrawnStream(title, state, is_out=False, nights=nights, drawing=None)
    values = {"shift": f"{chart.shift:+.2f}", "limit": f"{chart.limit[-1]:.2f}"}
    state = words.out.format(since=since, **values) if since else words.control.format(**values)
    drawing = _drawing(title, chart)
    return DrawnStream(title, state, is_out=since is not None, nights=nights, drawing=drawing)


def _drawing(title: str, chart: Chart) -> line_chart.Chart:
    words = texts().drift
    highest = float(np.nanmax(np.abs([*chart.smoothed, *chart.limit]))) * 1.1
    days = chart.days.astype(float).tolist()
    limits = chart.limit.tolist()
    lines = [
        Line(words.line, tuple(_points(chart))),
        Line(words.limits, tuple(map(Point, days, limits)), style=7),
        Line(
            words.limits,
            tuple(Point(day, -limit) for day, limit in zip(days, limits, strict=True)),
            style=7,
        ),
    ]
    return line_chart.line_chart(
        words.label.format(title=title), lines, y_range=(-highest, highest), x_texts=_dates(days)
    )


def _points(chart: Chart) -> Iterator[Point]:
    """Yield the nights, with words for those that are out of control."""
    nights = zip(chart.days, chart.smoothed, chart.is_out, strict=True)
    for day, value, is_out in nights:
        words = f"{_EPOCH + timedelta(days=int(day))}: {value:+.2f}" if is_out else ""
        yield Point(float(day), float(value) if isfinite(value) else float("nan"), words)


def _dates(days: list[float]) -> list[tuple[float, str]]:
    """Return three of the days as text, in from the ends so that each has room."""
    span = days[-1] - days[0]
    places = [days[0] + share * span for share in (0.1, 0.5, 0.9)]
    return [(place, f"{_EPOCH + timedelta(days=int(place)):%Y-%m-%d}") for place in places]
