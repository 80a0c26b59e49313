"""The code system, as its page and its users know it."""

from pathlib import Path

from flows.exports.concepts import CONCEPTS, PSEUDONYMS, SYSTEM

PAGE = (Path(__file__).parents[3] / "docs/exports.md").read_text(encoding="utf-8")


def test_the_page_has_each_code_and_the_systems_urls() -> None:
    for concept in CONCEPTS:
        assert f"| `{concept.code}` | {concept.definition} |" in PAGE
    assert f"`{SYSTEM}`" in PAGE
    assert f"`{PSEUDONYMS}`" in PAGE


def test_no_code_means_two_things() -> None:
    assert len({concept.code for concept in CONCEPTS}) == len(CONCEPTS)
