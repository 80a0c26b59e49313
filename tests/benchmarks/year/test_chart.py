"""The chart of a simulated year."""

import csv
from pathlib import Path

from PIL import Image

from benchmarks.year.chart import read_rows, save, year_figure

MIB = 2**20


def night(number: int, events: str = "") -> dict[str, object]:
    measured = dict.fromkeys(("PostgreSQL", "WAL", "Prefect", "logs", "memory passes"), MIB)
    return {
        "night": number,
        "events": events,
        "table image": (3 + number) * MIB,
        "table run": 2 * MIB,
        **measured,
        "memory run": "" if number else 4 * MIB,
        "memory Prefect": MIB,
        "memory PostgreSQL": MIB,
        "poll seconds": 0.02,
        "run seconds": "" if number else 2.5,
        "status seconds": "" if number else 1.5,
    }


def test_each_series_has_the_nights_on_which_it_was_measured(tmp_path: Path):
    with (tmp_path / "year.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(night(0)))
        writer.writeheader()
        writer.writerows([night(0), night(1, "restored night-0000"), night(2)])

    figure = year_figure(read_rows(tmp_path / "year.csv"))
    save(figure, tmp_path / "year.png")

    series = {
        line.get_label(): [*zip(*line.get_data(), strict=True)]
        for axes in figure.axes
        for line in axes.get_lines()
    }
    assert series["image"] == [(0, 3), (1, 4), (2, 5)]
    assert series["command `run`, peak"] == [(0, 4)]
    assert series["`status`"] == [(0, 1.5)]
    with Image.open(tmp_path / "year.png") as picture:
        assert picture.width > 1000
