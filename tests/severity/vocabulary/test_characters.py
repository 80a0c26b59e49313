"""Which characters no text may hold."""

import pytest

from severity.vocabulary.characters import has_control_characters


@pytest.mark.parametrize(
    "text", ["a\x00b", "a\nb", "\ud800", "Remdesivir \u202egnol", "a\u2066b", "\u202a", "\u2069"]
)
def test_what_cannot_be_stored_or_turns_the_text_beside_it_around_is_found(text: str) -> None:
    assert has_control_characters(text)


@pytest.mark.parametrize(
    "text",
    ["", "Remdesivir 200 mg", "Ärztin", "فحص", "בדיקה", "नी\u200dक", "a\u00a0b", "soft\u00adly"],
)
def test_what_people_write_in_any_script_is_not(text: str) -> None:
    assert not has_control_characters(text)
