"""The commands that learn a bridge, and show a course across it."""

import json
from pathlib import Path

import pytest

from db.engine import Database
from tests.builders.archive import model
from tests.builders.bridged import CURRENT, FORMER, BridgedArchive
from tests.builders.commands import Command
from tests.builders.pseudonyms import pseudonym

OLD, NEW = model(FORMER).key, model(CURRENT).key
ACROSS = pseudonym("across")
PATIENT = ("trend", ACROSS, "--model-version", NEW)


@pytest.fixture
def archive(database: Database) -> BridgedArchive:
    return BridgedArchive(database)


def test_a_course_is_shown_across_a_bridge_where_it_is_asked_for_and_always_says_so(
    correct: Command, archive: BridgedArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.learnable()
    archive.across(ACROSS)
    plain = correct(*PATIENT, "--json").out
    learned = correct("courses", "bridge", OLD, NEW)
    assert learned.code == 0
    assert OLD in correct("courses", "bridges").out

    bridged = json.loads(correct(*PATIENT, "--bridged", "--json").out)
    chart = tmp_path / "course.svg"
    table = correct(*PATIENT, "--bridged", "--chart", str(chart)).out

    assert bridged["seam"]["former_version"] == OLD
    assert [image["scored_by"] for image in bridged["images"]] == [OLD, OLD, "", ""]
    assert "BRIDGED" in table
    assert table.count("seam") == 1
    assert table.count("PA ~") == 2
    assert "BRIDGED" in chart.read_text() or "bridged" in chart.read_text()
    assert correct(*PATIENT, "--json").out == plain
    assert json.loads(plain)["seam"] is None

    monkeypatch.setenv("SEVERITY_BRIDGED", "true")
    assert json.loads(correct(*PATIENT, "--json").out) == bridged
    assert correct(*PATIENT, "--plain", "--json").out == plain


def test_a_bridge_that_is_refused_says_why(correct: Command, archive: BridgedArchive) -> None:
    archive.learnable(patients=5)

    refused = correct("courses", "bridge", OLD, NEW)
    unknown = correct("courses", "bridge", OLD, "no-such-version")
    to_itself = correct("courses", "bridge", OLD, OLD)

    assert (refused.code, unknown.code, to_itself.code) == (2, 2, 2)
    assert "the same" in to_itself.err
    assert "15 films" in refused.err
    assert "no-such-version" in unknown.err
