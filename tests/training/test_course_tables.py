"""The tables of `docs/courses.md`, of the set that comes with the model that scores."""

import re
from collections.abc import Iterable

import numpy as np
import pytest

from severity.course.prediction import forecasts_of, held_by_number_before
from severity.course.simulation import FALSE_ALARMS, GAPS
from severity.models.bundled_cards import bundled_course_parameters
from training import course_tables
from training.course_sites import site
from training.course_tables import coverage_rows, false_alarm_rows, parameter_rows, power_rows

SET = bundled_course_parameters("compact-3")
PATIENTS = 600


@pytest.fixture(autouse=True)
def few_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course_tables, "_PATIENTS", PATIENTS)


def cells(lines: Iterable[str]) -> list[list[str]]:
    """Return the cells of a table in Markdown, without its head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][2:]


@pytest.mark.parametrize("score", ["geographic_extent", "opacity"])
def test_the_shipped_thresholds_keep_false_alarms_where_all_is_as_learned(score: str) -> None:
    rows = cells(false_alarm_rows(getattr(SET, score)))
    as_learned = [row for row in rows if row[2] == "as learned"]

    assert {row[0] for row in as_learned} == {f"{gap:g}" for gap in GAPS}
    # Three standard errors of a share of so many patients.
    bound = FALSE_ALARMS + 3 * np.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) / PATIENTS)
    assert max(float(row[4]) for row in as_learned) <= bound
    assert all(float(row[4]) < float(row[5]) for row in rows if row[1] != "2")


def test_the_pairs_rule_and_larger_errors_raise_the_alarms_that_they_must() -> None:
    rows = {tuple(row[:4]): row[4:] for row in cells(false_alarm_rows(SET.geographic_extent))}

    # By its definition one pair in twenty; ten films ask it nine times.
    of_pair = float(rows["2", "2", "as learned", "PA"][1])
    assert abs(of_pair - 0.05) <= 3 * np.sqrt(0.05 * 0.95 / PATIENTS)
    assert float(rows["2", "10", "as learned", "PA"][1]) > 3 * of_pair
    shares = [
        float(rows["14", "10", error, "changing"][0])
        for error in ("20 % smaller", "as learned", "20 % larger")
    ]
    assert shares == sorted(shares)
    assert shares[0] < shares[2]


@pytest.mark.parametrize("direction", ["rising", "falling"])
def test_the_more_a_level_moves_the_more_patients_are_called(direction: str) -> None:
    rows = cells(power_rows(SET.geographic_extent, falling=direction == "falling"))

    assert len(rows) == 10
    for row in rows:
        courses, pairs = zip(
            *(map(float, re.findall(r"[\d.]+", cell)) for cell in row[2:]), strict=True
        )
        assert list(courses) == sorted(courses)
        assert list(pairs) == sorted(pairs)
        # Half of what a level that never moves may be called.
        assert max(courses[0], pairs[0]) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / PATIENTS)


def test_each_next_film_is_counted_once_by_the_number_before_it() -> None:
    films = site(SET.geographic_extent, 300, seed=3)
    rows = cells(
        coverage_rows(held_by_number_before(films, forecasts_of(films, SET.geographic_extent)))
    )

    assert [row[0] for row in rows] == ["1", "2", "3", "4 to 6", "7 to 9"]
    assert sum(int(row[1]) for row in rows) == len(films) - 300
    for _, number, share, interval, _ in rows:
        low, high = map(float, interval.split(" to "))
        assert low <= float(share) <= high
        # The films were drawn from the set: four standard errors of so many.
        assert abs(float(share) - 0.9) <= 4 * np.sqrt(0.09 / int(number)) + 0.005


def test_each_learned_number_is_shown_within_its_interval() -> None:
    for score in (SET.geographic_extent, SET.opacity):
        rows = cells(parameter_rows(score))
        assert len(rows) == len(score.intervals) + len(score.repeats) + 2
        for _, value, interval in rows[:-2]:
            low, high = map(float, interval.split(" to "))
            assert low <= float(value) <= high
        assert [row[1] for row in rows[-2:]] == [
            f"{score.thresholds.worse:.2f}",
            f"{score.thresholds.better:.2f}",
        ]
