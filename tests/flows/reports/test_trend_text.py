"""A trend as text for a person, and as JSON for a program."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from db.reading.trends import Trend
from flows.reports.trend_text import trend_json, trend_table
from severity.domain import OutOfDistribution, Scale, View
from tests.builders.terminal import shown
from tests.builders.trends import NOT_COMPARED, OBSERVATION, calibrated_trend, days_later, trend


def row(lines: list[str], date: str) -> str:
    """The line of one observation, its cells one blank apart."""
    (line,) = (line for line in lines if line.strip().startswith(date))
    return " ".join(line.split())


@pytest.fixture
def calibrated() -> Trend:
    return calibrated_trend()


@pytest.mark.parametrize("highest", [6, 8])
def test_a_trend_names_the_scale_of_its_own_model(highest: int) -> None:
    assert f"opacity 0-{highest}" in "\n".join(shown(trend_table(trend(Scale(0, highest)))))


def test_a_trend_shows_intervals_and_marks_changes_beyond_test_retest_error(
    calibrated: Trend,
) -> None:
    lines = shown(trend_table(calibrated))

    assert (
        row(lines, "2026-03-01")
        == "2026-03-01 09:00 0 PA 2.5 (1.2-4.1) +0.0 - 7.5 (6.0-8.0) +0.0 -"
    )
    assert "5.0 (3.7-6.6) +2.5 ^ +2.5 ^ 7.5 +0.0 = +0.0 =" in row(lines, "2026-03-03")
    assert "0.1 -2.4 v -4.9 v 1.0" in row(lines, "2026-03-11")
    assert any("^ worse, v better" in line and "= stable" in line for line in lines)
    assert any("extent 1.16 points, opacity 1.16 points" in line for line in lines)


def test_an_image_out_of_distribution_is_shown_marked_and_left_out_of_comparisons(
    calibrated: Trend,
) -> None:
    lines = shown(trend_table(calibrated))

    assert row(lines, "2026-02-26") == "2026-02-26 09:00 -3 PA ! 7.9 - - 7.5 - -"
    assert any("! Out of distribution (inverted)" in line for line in lines)
    assert any("changes are since the first other image" in line for line in lines)


def test_no_note_explains_the_baseline_where_it_is_the_first_image() -> None:
    later = days_later(1, out_of_distribution=OutOfDistribution.ROTATED, **NOT_COMPARED)
    text = "\n".join(shown(trend_table(trend(Scale(0, 6), OBSERVATION, later))))

    assert "Out of distribution (rotated)" in text
    assert "first image is one of these" not in text


def test_each_image_takes_one_line_of_100_characters(calibrated: Trend) -> None:
    lines = shown(trend_table(calibrated), width=100)

    assert sum(line.strip().startswith("2026-") for line in lines) == 4
    assert not any(line.strip().startswith("09:00") for line in lines)


def test_a_trend_without_known_errors_states_so_and_has_no_direction() -> None:
    later = days_later(1, extent_from_baseline=4.0, extent_from_previous=4.0)
    lines = shown(trend_table(trend(Scale(0, 6), OBSERVATION, later)))

    assert any("smallest detectable change is not known" in line for line in lines)
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
    assert (inverted["out_of_distribution"], first["out_of_distribution"]) == ("inverted", None)
    assert inverted["extent_from_baseline"] is None
    assert first["extent_interval"] == {"low": 1.2, "high": 4.1}
    assert worse["extent_direction_from_previous"] == "worse"
    assert worse["opacity_direction_from_previous"] == "stable"
    assert any("Out of distribution" in note for note in document["notes"])


def test_an_image_of_which_only_the_date_is_known_shows_its_date_and_says_so() -> None:
    at = datetime(2026, 3, 4, 23, tzinfo=UTC)  # midnight in Berlin
    day = replace(
        days_later(4), acquired_at=at, time_of_day_known=False, acquired_zone="Europe/Berlin"
    )
    lines = shown(trend_table(trend(Scale(0, 6), OBSERVATION, day)))

    assert row(lines, "2026-03-05").startswith("2026-03-05 4 PA")
    assert any("Of 1 images only the date is known" in line for line in lines)


def test_a_trend_without_a_known_first_image_says_so() -> None:
    unordered = replace(OBSERVATION, **NOT_COMPARED, time_of_day_known=False)

    lines = shown(trend_table(trend(Scale(0, 6), unordered, unordered)))

    assert any("changes since the first are not shown" in line for line in lines)


def test_an_unknown_view_is_pointed_out() -> None:
    unknown = replace(OBSERVATION, view=View.UNKNOWN)

    assert any("view of some" in line for line in shown(trend_table(trend(Scale(0, 6), unknown))))
