"""The command `trend`, read from the terminal."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from severity.domain import RESEARCH_USE_ONLY
from tests.builders.commands import Program
from tests.builders.small_images import write_inbox


def test_a_trend_is_found_by_the_hospitals_identifier_and_by_the_pseudonym(
    score: Callable[[Path], object], ask: Callable[..., Result], tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", images=4, patients=1)
    score(tmp_path / "inbox")

    document = json.loads(ask("trend", "P0", "--json").output)
    again = json.loads(ask("trend", document["patient_key"], "--json").output)
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
