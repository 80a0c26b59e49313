"""The benchmark of a ledger of many years, at a tiny size."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks.scale.__main__ import main
from benchmarks.scale.figures import Figure, percentile
from db.engine import Database
from db.ledger import sources

SIZE = ["--scores", "2000", "--files", "60", "--images", "64", "--meanwhile", "128"]


@pytest.mark.server
def test_each_section_has_figures_and_targets(database_url: str, tmp_path: Path, capsys):
    results = tmp_path / "figures.json"

    assert main([*SIZE, "--database", database_url, "--json", str(results)]) == 0

    sections = json.loads(results.read_text())
    targets = {
        figure["name"]: figure["target"]
        for figures in sections.values()
        for figure in figures
        if figure["target"]
    }
    assert targets == {
        "all, for each scored image": 1300,
        "one claim of 16, p99": 10,
        "one claim of 16 after these, p99": 10,
        "claimed and closed by 16, workers: 1": 3000,
        "claimed and closed by 16, workers: 2": 3000,
        "claimed and closed by 64, workers: 1": 3000,
        "claimed and closed by 64, workers: 2": 3000,
        "by 64, workers: 2, under a snapshot": 3000,
        "balance of all sources, p99": 50,
        "pass over 60 known files": 60,
        "its peak memory": 500,
    }
    assert all(figure["value"] > 0 for figures in sections.values() for figure in figures)
    assert "all, for each scored image" in capsys.readouterr().out
    # What it built is as the product would have left it, and what it closed is scored.
    database = Database(database_url)
    with database.transaction() as session:
        counts = session.execute(
            text("SELECT source, seen, scored, waiting FROM balance ORDER BY seen DESC")
        ).all()
    database.dispose()
    assert counts[0][1:3] == (2000, 2000 - 20)  # twenty were withdrawn
    assert sum(row.scored for row in counts) > 2000


def test_a_database_in_use_is_refused(database: Database, database_url: str, capsys):
    with database.transaction() as session:
        sources.register(session, "/inbox", zone="UTC")

    assert main([*SIZE, "--database", database_url]) == 1
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([3, 1, 2], 50, 2), (range(1, 101), 99, 99), (range(1, 201), 99, 198), ([7], 99, 7)],
)
def test_a_percentile_is_a_value_that_was_measured(values, percent, expected):
    assert percentile(values, percent) == expected


@pytest.mark.parametrize(
    ("figure", "ratio", "is_met"),
    [
        (Figure("claim", 5, "ms", 10), 0.5, True),
        (Figure("claim", 11, "ms", 10), 1.1, False),
        (Figure("rate", 4, "images/s", 2, at_least=True), 2, True),
        (Figure("rate", 1, "images/s", 2, at_least=True), 0.5, False),
        (Figure("claim", 5, "ms"), None, None),
    ],
)
def test_a_rate_has_to_reach_its_target_and_a_time_to_stay_below_it(figure, ratio, is_met):
    assert (figure.ratio, figure.is_met) == (ratio, is_met)
