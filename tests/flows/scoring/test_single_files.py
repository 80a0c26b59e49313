"""Scores of single files, as benchmarks and the command line call it."""

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from flows.resources import Progress, Resources
from flows.scoring.single_files import FileResult, print_table, score_files, to_csv, to_json
from flows.settings import Settings
from severity.domain import Interval, Likeness, Reason, Score, Unlike
from tests.builders.films import write_inbox


class Counted(Progress):
    def __init__(self) -> None:
        self.scored = self.rejected = 0

    def advanced(self, *, scored: int, rejected: int) -> None:
        self.scored += scored
        self.rejected += rejected


@pytest.fixture(scope="session")
def have(_own_home: None) -> Resources:
    return Resources(Settings(device="cpu", batch_size=3), Counted())


def test_results_keep_the_order_of_the_files_through_all_lanes(have, tmp_path):
    write_inbox(tmp_path, films=20)
    files = sorted(tmp_path.glob("*.png"), reverse=True)
    files[4].write_text("no film")
    files.insert(9, tmp_path / "absent.png")

    results = score_files(iter(files), have)

    assert [one.file for one in results] == list(map(str, files))
    reasons = {place: one.reason for place, one in enumerate(results) if one.reason}
    assert reasons == {4: Reason.NOT_AN_IMAGE, 9: Reason.VANISHED}
    assert (have.progress.scored, have.progress.rejected) == (19, 2)
    alone = [result for file in files for result in score_files([file], have)]
    for together, single in zip(results, alone, strict=True):
        assert together.view == single.view
        assert (together.score is None) == (single.score is None)
        if together.score:
            assert together.score.geographic_extent_raw == pytest.approx(
                single.score.geographic_extent_raw, abs=1e-4
            )


def test_no_files_have_no_results(have):
    assert score_files([], have) == []


def test_files_are_taken_as_they_are_scored(have, tmp_path):
    """So that a list of any length fits into memory."""
    write_inbox(tmp_path, films=1)
    progress, taken_ahead = Counted(), []
    counting = have.reporting_to(progress)

    def supply():
        for number in range(90):
            taken_ahead.append(number - progress.scored)
            yield tmp_path / "film-0000.png"

    assert len(score_files(supply(), counting)) == 90
    in_flight = (counting.model.streams + 2) * counting.settings.batch_size
    assert max(taken_ahead) <= in_flight


@pytest.fixture
def with_findings() -> list[FileResult]:
    findings = {"Lung Opacity": 1.5, "Effusion": -0.25}
    return [
        FileResult("broken.png", None, reason=Reason.CORRUPT, detail="cut off"),
        FileResult("film.png", Score(1, 2, 1, 2, findings)),
    ]


def test_json_holds_the_findings_of_each_film(with_findings: list[FileResult], have: Resources):
    broken, film = json.loads(to_json(with_findings, have.model.version))["results"]

    assert film["findings"] == {"Lung Opacity": 1.5, "Effusion": -0.25}
    assert broken["findings"] is None


def test_csv_has_a_column_for_each_finding(with_findings: list[FileResult], have: Resources):
    text = to_csv(with_findings, have.model.version)

    broken, film = csv.DictReader(io.StringIO(text))
    assert (film["finding: Lung Opacity"], film["finding: Effusion"]) == ("1.5", "-0.25")
    assert broken["finding: Effusion"] == ""
    assert "findings" not in film


@pytest.fixture
def with_errors() -> list[FileResult]:
    full = Score(
        3.4, 2.0, 3.4, 2.0,
        geographic_extent_interval=Interval(2.1, 5.0),
        opacity_interval=Interval(1.25, 3.75),
        likeness=Likeness("films-1", 2.5, Unlike.INVERTED),
        triage={"normal": 0.25, "pneumonia": 0.75},
    )  # fmt: skip
    near = Score(3.4, 2.0, 3.4, 2.0, likeness=Likeness("films-1", 0.5))
    return [
        FileResult("broken.png", None, reason=Reason.CORRUPT, detail="cut off"),
        FileResult("inverted.png", full, simulated=True),
        FileResult("near.png", near),
        FileResult("bare.png", Score(3.4, 2.0, 3.4, 2.0)),
    ]


ERRORS = {
    "geographic_extent_low": 2.1,
    "geographic_extent_high": 5.0,
    "opacity_low": 1.25,
    "opacity_high": 3.75,
    "likeness_reference": "films-1",
    "likeness_distance": 2.5,
    "unlike": "inverted",
}


def test_json_holds_what_a_score_says_of_itself(with_errors: list[FileResult], have: Resources):
    rows = json.loads(to_json(with_errors, have.model.version))["results"]
    broken, inverted, near, bare = rows

    assert {name: inverted[name] for name in ERRORS} == ERRORS
    assert inverted["triage"] == {"normal": 0.25, "pneumonia": 0.75}
    assert (near["likeness_distance"], near["unlike"]) == (0.5, None)
    assert {bare[name] for name in ERRORS} == {broken[name] for name in ERRORS} == {None}
    assert (bare["triage"], broken["triage"]) == ({}, None)


def test_csv_holds_what_a_score_says_of_itself(with_errors: list[FileResult], have: Resources):
    text = to_csv(with_errors, have.model.version)
    broken, inverted, _, bare = csv.DictReader(io.StringIO(text))

    assert {name: inverted[name] for name in ERRORS} == {k: str(v) for k, v in ERRORS.items()}
    assert (inverted["triage: normal"], inverted["triage: pneumonia"]) == ("0.25", "0.75")
    assert {bare[name] for name in (*ERRORS, "triage: normal")} == {""}
    assert {broken[name] for name in (*ERRORS, "triage: normal")} == {""}
    assert "triage" not in inverted


def test_the_table_shows_intervals_and_what_is_unlike_known_films(
    with_errors: list[FileResult], have: Resources
):
    console = Console(width=140, file=io.StringIO())
    with console.capture() as shown:
        print_table(with_errors, have.model.version, console)

    rows = {line.split()[0]: line for line in shown.get().splitlines() if ".png" in line}
    assert "3.4 (2.1-5.0)" in rows["inverted.png"]
    assert "2.0 (1.2-3.8)" in rows["inverted.png"]
    assert "SIMULATED; unlike known films: inverted" in rows["inverted.png"]
    assert "unlike" not in rows["near.png"]
    assert "(" not in rows["bare.png"]
    assert "pneumonia" not in shown.get()


def test_a_sidecar_of_the_folder_says_the_view_and_metadata_csv_comes_first(
    have: Resources, tmp_path: Path
):
    write_inbox(tmp_path, films=2)
    both = [
        {"filename": f"film-000{number}.png", "patient_id": "P", "view": "AP"} for number in (0, 1)
    ]
    both[1]["filename"] = "other.png"
    (tmp_path / "film-0001.png").rename(tmp_path / "other.png")
    (tmp_path / "metadata.json").write_text(json.dumps(both))

    first, second = score_files([tmp_path / "film-0000.png", tmp_path / "other.png"], have)

    assert (first.view, second.view) == ("PA", "AP")
