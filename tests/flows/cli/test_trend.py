"""The command `trend`, read from the terminal."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from flows.errors import UsageError
from severity.domain import RESEARCH_USE_ONLY
from tests.builders.commands import Program
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
    assert result.stderr == "cxr-severity: no dated score of this patient by compact-2\n"


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
        assert json.loads(ask("trend", key, "--json").output)["observations"]
