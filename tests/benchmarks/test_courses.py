"""The benchmark of courses, at a tiny size."""

import json
from pathlib import Path

import pytest

from benchmarks.courses import main


@pytest.mark.server
def test_each_section_has_figures_and_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    results = tmp_path / "figures.json"

    assert main(["--scores", "2000", "--json", str(results)]) == 0

    sections = json.loads(results.read_text())
    targets = {
        figure["name"]: figure["target"]
        for figures in sections.values()
        for figure in figures
        if figure["target"] and not figure["name"].startswith("page, ")
    }
    assert targets == {
        "refit of all courses": pytest.approx(600 * 2000 / 10_000_000),
        "course of a patient, p99": 2,
        "worklist of 50, p99": 100,
        "list of patients, p99": 300,
        "cohort curve, p99": 1000,
    }
    pages = {figure["name"] for figure in sections["Asking"] if figure["target"] == 300}
    assert {"page, verdict better, p99", "page, since 30 days, p99"} < pages
    assert {"page, group arm=0, p99", "page, view PA, p99", "page, all filters, p99"} < pages
    assert all(figure["value"] > 0 for figures in sections.values() for figure in figures)
    assert "worklist of 50" in capsys.readouterr().out
