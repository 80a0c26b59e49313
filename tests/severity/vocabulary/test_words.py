"""Words of a value, whatever separates them."""

import pytest

from severity.vocabulary.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Chest_PA 2", ("CHEST", "PA")),
        ("Thorax p.-a.", ("THORAX", "PA")),
        ("a/p", ("AP",)),
        ("tórax", ("TORAX",)),
        ("흉부", ("흉부",)),
        ("a a", ("A", "A")),
        ("", ()),
    ],
)
def test_words_are_told_apart_by_all_that_is_no_letter(text, expected):
    assert words(text) == expected
