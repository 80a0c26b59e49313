"""The tables of times, views, body parts and sidecars in docs/films.md have what the code reads."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_description

from severity.dicom.acquisition_time import TIME_ATTRIBUTES
from severity.domain import TimeSource
from severity.files.sidecar import COLUMNS, SEPARATORS
from severity.vocabulary.body_parts import CHEST_CODES, CHEST_WORDS, OTHER_WORDS, SILENT_WORDS
from severity.vocabulary.times import (
    DATE_FORMS,
    EARLIEST_YEAR,
    LATEST_YEAR,
    PLACEHOLDERS,
    TIME_FORMS,
)
from severity.vocabulary.views import SUPINE_WORDS, VIEW_CODES, VIEW_WORDS, WORD_PAIRS, Projection

FILMS = (Path(__file__).parents[1] / "docs/films.md").read_text(encoding="utf-8")


def row(section: str, first: str) -> list[str]:
    """Return the cells of the row of a section whose first cell begins so."""
    text = FILMS.split(f"\n## {section}\n")[1].split("\n## ")[0]
    (cells,) = (
        re.split(r"(?<!\\)\|", line)[1:-1]
        for line in text.splitlines()
        if re.match(rf"\| {re.escape(first)}", line)
    )
    return [cell.strip() for cell in cells]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def assert_lists(text: str, items: Iterable[str]) -> None:
    listed = quoted(text)
    assert len(listed) == len(set(listed))
    assert set(listed) == set(items)


def test_every_source_of_a_time_is_listed_in_its_order_with_its_attributes() -> None:
    text = FILMS.split("\n## Times\n")[1]
    places = [text.index(f"\n| `{source}` |") for source in TimeSource if not source.is_date_alone]

    assert places == sorted(places)
    for source, keywords in TIME_ATTRIBUTES.items():
        _, attributes, alone = row("Times", f"`{source}`")
        assert attributes.split(", ") == [dictionary_description(word) for word in keywords]
        assert alone == f"`{source.of_date_alone}`"
    alone = {source for source in TimeSource if source.is_date_alone}
    assert alone <= set(quoted(text))


def test_every_form_of_a_date_and_a_time_is_listed_in_its_order() -> None:
    _, dates, placeholders = row("Times", "date ")
    _, clocks, _ = row("Times", "time of day")

    assert quoted(dates)[: len(DATE_FORMS)] == list(DATE_FORMS)
    assert quoted(clocks) == list(TIME_FORMS)
    assert {str(day) for day in PLACEHOLDERS} <= set(quoted(placeholders))
    assert f"before {EARLIEST_YEAR} or after {LATEST_YEAR}" in placeholders


@pytest.mark.parametrize("projection", list(VIEW_WORDS))
def test_every_word_and_code_of_a_view_is_listed(projection: Projection) -> None:
    _, words, codes = row("Views", f"{projection} |")

    assert_lists(words, VIEW_WORDS[projection])
    assert_lists(codes, (code for code, says in VIEW_CODES.items() if says is projection))


def test_what_makes_a_view_supine_and_what_is_read_as_one_word_is_listed() -> None:
    assert_lists(row("Views", "AP supine |")[1], {*SUPINE_WORDS, "SEMI"})
    for (first, second), word in WORD_PAIRS.items():
        assert f"`{first} {second}` is `{word}`" in " ".join(FILMS.split())


@pytest.mark.parametrize(
    ("meaning", "words"),
    [("chest", CHEST_WORDS), ("another part, also", OTHER_WORDS), ("nothing", SILENT_WORDS)],
)
def test_every_word_of_a_body_part_is_listed(meaning: str, words: frozenset[str]) -> None:
    assert_lists(row("Body parts", meaning)[1], words)


def test_every_code_of_the_chest_is_listed() -> None:
    (line,) = re.findall(r"Codes of the chest: (.*)", FILMS)

    assert_lists(line, CHEST_CODES)


def test_every_column_and_separator_of_a_sidecar_is_listed() -> None:
    separators = row("Sidecars", "separator")[1].replace("tab", "`\t`").replace("\\|", "|")

    assert_lists(row("Sidecars", "columns")[1].split(": ")[1], COLUMNS)
    assert quoted(separators)[: len(SEPARATORS)] == list(SEPARATORS)
