"""The command `trend`, read from the terminal."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from db.engine import Database
from flows.errors import UsageError
from flows.resources import Resources
from severity.domain import RESEARCH_USE_ONLY, PatientId
from tests.builders.archive import Archive, Film, model
from tests.builders.commands import Program
from tests.builders.course_archive import CourseArchive, film
from tests.builders.small_images import write_image, write_inbox

IDENTIFIER = "PID-4711"
OF_V1 = ("--model-version", model("v1").key)
OF_V2 = ("--model-version", model("v2").key)


@pytest.fixture
def key(resources: Resources) -> str:
    return resources.pseudonym(PatientId(IDENTIFIER))


@pytest.fixture
def archive(database: Database, key: str) -> Archive:
    """A patient who gets worse, by a version with a parameter set; by another also without."""
    films = (film("a", 0, 2.0, patient=key), film("b", 3, 6.0, patient=key))
    archive = CourseArchive(database)
    archive.follow(*films)
    archive.add(by="v2")
    return archive


def test_a_trend_is_found_by_the_hospitals_identifier_and_by_the_pseudonym(
    score: Callable[[Path], object], ask: Callable[..., Result], tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", images=4, patients=1)
    score(tmp_path / "inbox")

    document = json.loads(ask("trend", "P0", "--pairs", "--json").output)
    again = json.loads(ask("trend", document["patient_key"], "--pairs", "--json").output)
    table = ask("trend", "P0", "--chart", str(tmp_path / "trend.png")).output

    assert document == again
    assert len(document["observations"]) == 4
    assert "P0" not in table
    assert RESEARCH_USE_ONLY in table
    assert "2020-03-04" in table
    assert (tmp_path / "trend.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_patient_is_wrong_use(program: Program) -> None:
    program("db", "upgrade")
    result = program("trend", "nobody")

    assert result.returncode == 2
    assert result.stderr == "cxr-severity: no patient is known here by this identifier\n"


def test_a_course_has_levels_and_verdicts(archive: Archive, ask: Callable[..., Result]) -> None:
    table = ask("trend", IDENTIFIER, *OF_V1).output
    document = json.loads(ask("trend", IDENTIFIER, *OF_V1, "--json").output)
    _, latest = document["images"]

    assert "worse >99%" in table
    assert IDENTIFIER not in table
    assert latest["geographic_extent"]["verdict"] == "worse"
    assert (
        latest["geographic_extent"]["level"]["low"]
        < 6
        < latest["geographic_extent"]["level"]["high"]
    )
    assert document["margins"] == {"geographic_extent": 1.3, "opacity": 1.3}
    assert RESEARCH_USE_ONLY in document["notes"]


def test_pairs_keep_the_rule_of_before(
    archive: Archive, ask: Callable[..., Result], tmp_path: Path
) -> None:
    arguments = ("trend", IDENTIFIER, *OF_V1, "--pairs")
    document = json.loads(ask(*arguments, "--json").output)

    assert [seen["extent_from_previous"] for seen in document["observations"]] == [None, 4.0]
    assert "images" not in document
    assert "missing_course" not in document
    assert "since" in ask(*arguments, "--chart", str(tmp_path / "pairs.svg")).output
    assert "level, from all images" not in (tmp_path / "pairs.svg").read_text()


def test_without_a_parameter_set_the_pairs_stand_in_place_of_the_course(
    archive: Archive, ask: Callable[..., Result], tmp_path: Path
) -> None:
    lines = ask("trend", IDENTIFIER, *OF_V2, "--chart", str(tmp_path / "a.png")).output.splitlines()
    pairs = ask("trend", IDENTIFIER, *OF_V2, "--pairs").output.splitlines()
    document = json.loads(ask("trend", IDENTIFIER, *OF_V2, "--json").output)

    assert "no parameter set" in lines[0]
    assert "whose measurement error is not known" in lines[0]
    assert lines[1:] == pairs
    assert "no parameter set" in document["missing_course"]
    assert len(document["observations"]) == 2
    assert (tmp_path / "a.png").exists()


def test_images_that_are_all_out_of_distribution_have_no_course(
    database: Database, key: str, ask: Callable[..., Result]
) -> None:
    flagged = [replace(film(name, 0, patient=key), flagged=True) for name in ("a", "b")]
    CourseArchive(database).follow(*flagged)

    assert "out of distribution" in ask("trend", IDENTIFIER, *OF_V1).output.splitlines()[0]


def test_a_course_that_is_not_computed_yet_is_told_apart(
    database: Database, key: str, ask: Callable[..., Result]
) -> None:
    CourseArchive(database).add(film("a", 0, patient=key))

    assert "courses update" in ask("trend", IDENTIFIER, *OF_V1).output.splitlines()[0]


def test_undated_images_alone_are_told(
    archive: Archive, database: Database, resources: Resources, correct: Callable[..., object]
) -> None:
    undated = Film("u", patient=resources.pseudonym(PatientId("undated")), at=None)
    archive.add(undated)
    result = correct("trend", "undated", *OF_V1)

    assert result.code == 2
    assert "1 scored images have no time" in result.err


@pytest.mark.parametrize("axis", ["calendar", "days"])
def test_the_axis_of_the_chart_is_chosen(
    archive: Archive, ask: Callable[..., Result], tmp_path: Path, axis: str
) -> None:
    chart = tmp_path / "course.svg"
    ask("trend", IDENTIFIER, *OF_V1, "--chart", str(chart), "--axis", axis)

    assert ("days since the baseline" in chart.read_text()) is (axis == "days")


def test_a_patient_is_found_under_the_same_identifier_with_or_without_an_issuer(
    score: Callable[[Path], object], ask: Callable[..., Result], tmp_path: Path
) -> None:
    for inbox, issuer in (("bare", ""), ("issued", "City")):
        folder = tmp_path / inbox
        write_image(folder / "a.png", seed=len(inbox))
        row = f"a.png,{issuer or 'B'}7,{issuer},2020-03-01\n"
        (folder / "metadata.csv").write_text(f"filename,patient_id,issuer,acquired_at\n{row}")
        score(folder)

    with pytest.raises(UsageError, match="the same identifier") as without:
        ask("trend", "City7")
    with pytest.raises(UsageError, match="the same identifier") as with_issuer:
        ask("trend", "B7", "--issuer", "City")
    for refused in (without, with_issuer):
        key = str(refused.value).split()[-1]
        assert json.loads(ask("trend", key, "--json").output)["images"]
