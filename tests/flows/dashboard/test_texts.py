"""The file of texts holds what pages say, and nothing else."""

import tomllib
from pathlib import Path

import pytest

import flows.dashboard
from severity.domain import Measure, OutOfDistribution, Reason, UnlikeProcessing

FOLDER = Path(flows.dashboard.__file__).parent
SECTIONS = tomllib.loads((FOLDER / "texts.toml").read_text(encoding="utf-8"))
USERS = "".join(
    path.read_text(encoding="utf-8")
    for pattern in ("**/*.py", "templates/*.html", "static/[!d]*.js")
    for path in FOLDER.glob(pattern)
)
# Looked up by a name that is a value: of a score, of a code.
BY_VALUE = {
    "scores",
    "reasons",
    "decisions",
    "meanings",
    "measures",
    "processing",
    "refusals",
    "rejections",
    "runs",
}


@pytest.mark.parametrize("section", sorted(set(SECTIONS) - BY_VALUE))
def test_every_text_is_shown_somewhere(section: str) -> None:
    assert [name for name in SECTIONS[section] if f".{name}" not in USERS] == []


def test_codes_have_words_of_their_own() -> None:
    assert set(SECTIONS["rejections"]) == {reason.value for reason in Reason}
    assert set(SECTIONS["measures"]) == {measure.value for measure in Measure}
    assert set(SECTIONS["reasons"]) == {reason.value for reason in OutOfDistribution}
    assert set(SECTIONS["processing"]) == {code.value for code in UnlikeProcessing}
    assert set(SECTIONS["meanings"]) == set(SECTIONS["scores"])
