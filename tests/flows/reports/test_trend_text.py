"""What a person reads of a trend, and what a program does."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from db.reading.trends import Balance, Observation, Trend
from flows.reports.trend_chart import draw_trend
from flows.reports.trend_text import balance_line, trend_json, trend_table
from severity.domain import (
    Direction,
    Interval,
    MeasurementError,
    MeasurementErrors,
    Scale,
    StandardError,
    Unlike,
    View,
)

SEEN = Observation(
    acquired_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
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
NOT_COMPARED = {
    f"{score}_from_{other}": None
    for score in ("extent", "opacity")
    for other in ("baseline", "previous", "peak")
}


def trend(opacity: Scale, *observations: Observation, **more: object) -> Trend:
    seen = observations or (SEEN,)
    return Trend("p-1", "ralo-fp32-00000000", Scale(0, 8), opacity, seen, 0, (), **more)


def days_later(days: int, **changes: object) -> Observation:
    at = SEEN.acquired_at + timedelta(days=days)
    return replace(SEEN, acquired_at=at, days_since_baseline=days, **changes)


def shown(what: RenderableType, width: int = 140) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(what)
    return captured.get().splitlines()


def row(lines: list[str], date: str) -> str:
    """The line of one observation, its cells one blank apart."""
    (line,) = (line for line in lines if line.strip().startswith(date))
    return " ".join(line.split())


@pytest.fixture
def calibrated() -> Trend:
    """Four films of which the first is inverted, with all that can be known of them."""
    worse = days_later(
        2,
        view=View.AP_SUPINE,
        view_changed=True,
        geographic_extent=5.04,
        extent_interval=Interval(3.7, 6.6),
        extent_from_baseline=2.5,
        extent_from_previous=2.5,
        opacity_from_previous=0,
        extent_direction_from_baseline=Direction.WORSE,
        extent_direction_from_previous=Direction.WORSE,
        opacity_direction_from_baseline=Direction.STABLE,
        opacity_direction_from_previous=Direction.STABLE,
    )
    better = days_later(
        10,
        geographic_extent=0.1,
        opacity=1.0,
        extent_from_baseline=-2.4,
        extent_from_previous=-4.9,
        extent_direction_from_baseline=Direction.BETTER,
        extent_direction_from_previous=Direction.BETTER,
    )
    inverted = days_later(-3, geographic_extent=7.9, unlike=Unlike.INVERTED, **NOT_COMPARED)
    first = replace(SEEN, extent_interval=Interval(1.2, 4.1), opacity_interval=Interval(6.0, 8.0))
    error = MeasurementError(StandardError(0.42, Interval(0.3, 0.6), degrees=40), None)
    return trend(
        Scale(0, 8),
        inverted,
        first,
        worse,
        better,
        errors=MeasurementErrors(error, error),
        extent_smallest_detectable_change=1.164,
        opacity_smallest_detectable_change=1.164,
    )


@pytest.mark.parametrize("highest", [6, 8])
def test_a_trend_names_the_scale_of_its_own_model(highest: int) -> None:
    assert f"opacity 0-{highest}" in "\n".join(shown(trend_table(trend(Scale(0, highest)))))


def test_a_chart_shows_the_scale_of_its_model(tmp_path: Path) -> None:
    draw_trend(trend(Scale(0, 8)), tmp_path / "trend.svg")

    assert "opacity 0-8 points" in (tmp_path / "trend.svg").read_text()


def test_a_trend_shows_intervals_and_marks_what_is_beyond_noise(calibrated: Trend) -> None:
    lines = shown(trend_table(calibrated))

    assert (
        row(lines, "2026-03-01")
        == "2026-03-01 09:00 0 PA 2.5 (1.2-4.1) +0.0 - 7.5 (6.0-8.0) +0.0 -"
    )
    assert "5.0 (3.7-6.6) +2.5 ^ +2.5 ^ 7.5 +0.0 = +0.0 =" in row(lines, "2026-03-03")
    assert "0.1 -2.4 v -4.9 v 1.0" in row(lines, "2026-03-11")
    assert any("^ worse, v better" in line and "= stable" in line for line in lines)
    assert any("extent 1.16 points, opacity 1.16 points" in line for line in lines)


def test_a_film_unlike_known_ones_is_shown_marked_and_compared_with_none(calibrated: Trend) -> None:
    lines = shown(trend_table(calibrated))

    assert row(lines, "2026-02-26") == "2026-02-26 09:00 -3 PA ! 7.9 - - 7.5 - -"
    assert any("! Unlike known films (inverted)" in line for line in lines)
    assert any("changes are since the first that is not" in line for line in lines)


def test_no_baseline_is_spoken_of_where_the_first_film_is_like_any() -> None:
    later = days_later(1, unlike=Unlike.TURNED, **NOT_COMPARED)
    text = "\n".join(shown(trend_table(trend(Scale(0, 6), SEEN, later))))

    assert "Unlike known films (turned)" in text
    assert "first film is one of these" not in text


def test_each_film_takes_one_line_of_100_characters(calibrated: Trend) -> None:
    lines = shown(trend_table(calibrated), width=100)

    assert sum(line.strip().startswith("2026-") for line in lines) == 4
    assert not any(line.strip().startswith("09:00") for line in lines)


def test_a_trend_without_known_errors_says_so_and_gives_no_direction() -> None:
    later = days_later(1, extent_from_baseline=4.0, extent_from_previous=4.0)
    lines = shown(trend_table(trend(Scale(0, 6), SEEN, later)))

    assert any("no smallest detectable change is known" in line for line in lines)
    assert row(lines, "2026-03-02") == "2026-03-02 09:00 1 PA 2.5 +4.0 +4.0 7.5 +0.0 -"


def test_json_has_all_that_the_table_has(calibrated: Trend) -> None:
    document = json.loads(trend_json(calibrated))
    inverted, first, worse, _ = document["observations"]

    assert document["extent_smallest_detectable_change"] == 1.164
    assert document["errors"]["opacity"]["repeats"] == {
        "points": 0.42,
        "interval": {"low": 0.3, "high": 0.6},
        "degrees": 40,
    }
    assert document["errors"]["opacity"]["perturbations"] is None
    assert (inverted["unlike"], first["unlike"]) == ("inverted", None)
    assert inverted["extent_from_baseline"] is None
    assert first["extent_interval"] == {"low": 1.2, "high": 4.1}
    assert worse["extent_direction_from_previous"] == "worse"
    assert worse["opacity_direction_from_previous"] == "stable"
    assert any("Unlike known films" in note for note in document["notes"])


def test_a_chart_marks_films_unlike_known_ones_and_says_what_is_shaded(
    calibrated: Trend, tmp_path: Path
) -> None:
    draw_trend(calibrated, tmp_path / "trend.svg")

    drawn = (tmp_path / "trend.svg").read_text()
    assert "7.9 !" in drawn
    assert "within the smallest detectable change of the baseline" in drawn
    assert "since the first film that is not marked ! (2026-03-01)" in drawn


def test_a_chart_of_films_that_are_all_unlike_known_ones_is_drawn(tmp_path: Path) -> None:
    flagged = replace(SEEN, unlike=Unlike.LAYOUT, **NOT_COMPARED)
    draw_trend(
        trend(Scale(0, 8), flagged, extent_smallest_detectable_change=1.0), tmp_path / "trend.svg"
    )

    assert "2.5 !" in (tmp_path / "trend.svg").read_text()


def test_the_balance_says_how_many_films_are_unlike_known_ones() -> None:
    none = Balance(seen=3, scored=2, rejected=1, pending=0, copies=0)

    assert "unlike" not in "\n".join(shown(balance_line(none)))
    assert "1 of the scored unlike known films" in "\n".join(
        shown(balance_line(replace(none, unlike=1)))
    )
