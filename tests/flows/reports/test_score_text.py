"""Scores of single files, as a person and a program read them."""

import csv
import io
import json

import pytest

from flows.reports.score_text import FileResult, scores_csv, scores_json, scores_table
from severity.domain import (
    DistributionCheck,
    Interval,
    Lungs,
    LungScore,
    ModelVersion,
    OutOfDistribution,
    ProcessingCheck,
    Reason,
    Scale,
    Score,
    UnlikeProcessing,
    Zone,
)
from tests.builders.terminal import shown

VERSION = ModelVersion("v1", "w" * 64, "h" * 64, "p", "fp32", Scale(0, 8), Scale(0, 6))


@pytest.fixture
def with_findings() -> list[FileResult]:
    findings = {"Lung Opacity": 1.5, "Effusion": -0.25}
    return [
        FileResult("broken.png", None, reason=Reason.CORRUPT, detail="cut off"),
        FileResult("image.png", Score(1, 2, 1, 2, findings)),
    ]


def test_json_holds_the_findings_of_each_image(with_findings: list[FileResult]):
    broken, image = json.loads(scores_json(with_findings, VERSION))["results"]

    assert image["findings"] == {"Lung Opacity": 1.5, "Effusion": -0.25}
    assert broken["findings"] is None


def test_csv_has_a_column_for_each_finding(with_findings: list[FileResult]):
    text = scores_csv(with_findings, VERSION)

    broken, image = csv.DictReader(io.StringIO(text))
    assert (image["finding: Lung Opacity"], image["finding: Effusion"]) == ("1.5", "-0.25")
    assert broken["finding: Effusion"] == ""
    assert "findings" not in image


@pytest.mark.parametrize(
    "first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_no_cell_of_csv_is_a_formula_of_a_spreadsheet(first: str):
    file = f'{first}HYPERLINK("https://example.org","image").png'
    text = scores_csv([FileResult(file, Score(1, 2, 1, 2, {"Effusion": -0.25}))], VERSION)

    (image,) = csv.DictReader(io.StringIO(text))
    assert image["file"] == f"'{file}"
    assert float(image["finding: Effusion"]) == -0.25, "a number stays a number"
    assert image["model_version"] == VERSION.key


@pytest.fixture
def with_errors() -> list[FileResult]:
    full = Score(
        3.4, 2.0, 3.4, 2.0,
        geographic_extent_interval=Interval(2.1, 5.0),
        opacity_interval=Interval(1.25, 3.75),
        distribution_check=DistributionCheck("frontal-1", 2.5, OutOfDistribution.INVERTED),
        triage={"normal": 0.25, "pneumonia": 0.75},
        processing_check=ProcessingCheck("processing-1", 1.5, UnlikeProcessing.FLAT),
        lungs=Lungs(LungScore(2.4, 0.5), LungScore(1.0, 1.5), dict.fromkeys(Zone, 0.25)),
    )  # fmt: skip
    near = Score(3.4, 2.0, 3.4, 2.0, distribution_check=DistributionCheck("frontal-1", 0.5))
    return [
        FileResult("broken.png", None, reason=Reason.CORRUPT, detail="cut off"),
        FileResult("inverted.png", full, simulated=True),
        FileResult("near.png", near),
        FileResult("plain.png", Score(3.4, 2.0, 3.4, 2.0)),
    ]


ERRORS = {
    "geographic_extent_low": 2.1,
    "geographic_extent_high": 5.0,
    "opacity_low": 1.25,
    "opacity_high": 3.75,
    "distribution_reference": "frontal-1",
    "distribution_distance": 2.5,
    "out_of_distribution": "inverted",
    "processing_reference": "processing-1",
    "processing_distance": 1.5,
    "unlike_processing": "flat",
}


LUNGS = {
    "right_extent": 2.4,
    "left_extent": 1.0,
    "right_opacity": 0.5,
    "left_opacity": 1.5,
    **{zone.value: 0.25 for zone in Zone},
}


def test_json_holds_all_values_of_a_score(with_errors: list[FileResult]):
    rows = json.loads(scores_json(with_errors, VERSION))["results"]
    broken, inverted, near, plain = rows

    assert {name: inverted[name] for name in ERRORS} == ERRORS
    assert inverted["triage"] == {"normal": 0.25, "pneumonia": 0.75}
    assert (near["distribution_distance"], near["out_of_distribution"]) == (0.5, None)
    assert {plain[name] for name in ERRORS} == {broken[name] for name in ERRORS} == {None}
    assert (plain["triage"], broken["triage"]) == ({}, None)
    assert inverted["lungs"] == {
        "right": {"geographic_extent": 2.4, "opacity": 0.5},
        "left": {"geographic_extent": 1.0, "opacity": 1.5},
        "zones": {zone.value: 0.25 for zone in Zone},
    }
    assert (plain["lungs"], broken["lungs"]) == (None, None)


def test_csv_holds_all_values_of_a_score(with_errors: list[FileResult]):
    text = scores_csv(with_errors, VERSION)
    broken, inverted, _, plain = csv.DictReader(io.StringIO(text))

    assert {name: inverted[name] for name in ERRORS} == {k: str(v) for k, v in ERRORS.items()}
    assert (inverted["triage: normal"], inverted["triage: pneumonia"]) == ("0.25", "0.75")
    assert {plain[name] for name in (*ERRORS, "triage: normal")} == {""}
    assert {broken[name] for name in (*ERRORS, "triage: normal")} == {""}
    assert "triage" not in inverted
    assert {name: inverted[name] for name in LUNGS} == {k: str(v) for k, v in LUNGS.items()}
    assert {plain[name] for name in LUNGS} == {broken[name] for name in LUNGS} == {""}


def test_the_table_shows_intervals_and_what_is_out_of_distribution(with_errors: list[FileResult]):
    lines = shown(scores_table(with_errors, VERSION))

    rows = {line.split()[0]: line for line in lines if ".png" in line}
    assert "3.4 (2.1-5.0)" in rows["inverted.png"]
    assert "2.0 (1.2-3.8)" in rows["inverted.png"]
    assert "SIMULATED; out of distribution: inverted" in rows["inverted.png"]
    assert any("processed unlike" in line for line in lines)
    assert "out of distribution" not in rows["near.png"]
    assert "(" not in rows["plain.png"]
    assert not any("pneumonia" in line for line in lines)
