"""What a person reads of a trend."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from db.trends import Observation, Trend
from flows.chart import draw_trend
from flows.present import trend_table
from severity.domain import Scale, View


def trend(opacity: Scale) -> Trend:
    seen = Observation(
        acquired_at=datetime(2026, 3, 1, tzinfo=UTC),
        calendar_known=True,
        days_since_baseline=0,
        view=View.PA,
        view_changed=False,
        simulated=False,
        geographic_extent=2.5,
        opacity=7.5,
        extent_from_baseline=0,
        opacity_from_baseline=0,
        extent_from_previous=None,
        opacity_from_previous=None,
        extent_from_peak=0,
        opacity_from_peak=0,
    )
    return Trend("p-1", "ralo-fp32-00000000", Scale(0, 8), opacity, (seen,), 0, ())


@pytest.mark.parametrize("highest", [6, 8])
def test_a_trend_names_the_scale_of_its_own_model(highest: int) -> None:
    console = Console(width=140, file=io.StringIO())

    with console.capture() as shown:
        console.print(trend_table(trend(Scale(0, highest))))

    assert f"opacity 0-{highest}" in shown.get()


def test_a_chart_shows_the_scale_of_its_model(tmp_path: Path) -> None:
    draw_trend(trend(Scale(0, 8)), tmp_path / "trend.svg")

    assert "opacity 0-8 points" in (tmp_path / "trend.svg").read_text()
