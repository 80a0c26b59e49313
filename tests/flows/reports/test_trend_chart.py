"""A trend as a picture."""

from dataclasses import replace
from pathlib import Path

import pytest

from db.reading.trends import Trend
from flows.reports.trend_chart import draw_trend
from severity.domain import (
    OutOfDistribution,
    Scale,
)
from tests.builders.trends import NOT_COMPARED, OBSERVATION, calibrated_trend, trend


@pytest.fixture
def calibrated() -> Trend:
    return calibrated_trend()


def test_a_chart_shows_the_scale_of_its_model(tmp_path: Path) -> None:
    draw_trend(trend(Scale(0, 8)), tmp_path / "trend.svg")

    assert "opacity 0-8 points" in (tmp_path / "trend.svg").read_text()


def test_a_chart_marks_images_out_of_distribution_and_explains_the_shading(
    calibrated: Trend, tmp_path: Path
) -> None:
    draw_trend(calibrated, tmp_path / "trend.svg")

    drawn = (tmp_path / "trend.svg").read_text()
    assert "7.9 !" in drawn
    assert "within the smallest detectable change of the baseline" in drawn
    assert "since the first image that is not marked ! (2026-03-01)" in drawn


def test_a_chart_of_images_that_are_all_out_of_distribution_is_drawn(tmp_path: Path) -> None:
    flagged = replace(OBSERVATION, out_of_distribution=OutOfDistribution.LAYOUT, **NOT_COMPARED)
    draw_trend(
        trend(Scale(0, 8), flagged, extent_smallest_detectable_change=1.0), tmp_path / "trend.svg"
    )

    assert "2.5 !" in (tmp_path / "trend.svg").read_text()
