"""The body part: in any language, with qualifiers, as words or as a code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr.codedict import codes

from severity.domain import Reason
from severity.errors import NotAFrontalChestRadiograph
from severity.vocabulary.body_parts import (
    CHEST_CODES,
    CHEST_WORDS,
    OTHER_WORDS,
    SILENT_WORDS,
    decide_body_part,
    is_chest_in_code,
    is_chest_in_words,
)

SPACES = [" ", "_", "-", "/", ", "]
CASES = [str.upper, str.lower, str.title]


@given(
    st.sampled_from(sorted(CHEST_WORDS)),
    st.sampled_from(["", *sorted(SILENT_WORDS)]),
    st.sampled_from(["", "LEFT", "2", *sorted(SILENT_WORDS)]),
    st.sampled_from(SPACES),
    st.sampled_from(CASES),
)
def test_the_chest_is_the_chest_with_any_qualifiers(word, before, after, space, case):
    assert is_chest_in_words(case(space.join([before, word, after])))


@given(st.sampled_from(sorted(CHEST_WORDS)), st.sampled_from(sorted(OTHER_WORDS)), st.booleans())
def test_the_chest_with_another_part_is_not_the_chest_alone(chest, other, first):
    assert is_chest_in_words(" ".join([chest, other] if first else [other, chest])) is False


@given(st.lists(st.sampled_from(sorted(SILENT_WORDS)), max_size=3))
def test_words_that_name_no_part_say_nothing(words):
    assert is_chest_in_words(" ".join(words)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tórax", True),
        ("COLONNE THORACIQUE", False),
        ("Rachide toracico", False),
        ("THORACIC SPN", False),
        ("Aorte thoracique", False),
        ("CHESTPA", True),
        ("PORTCHEST", True),
        ("胸部正面", True),
        ("CHEST2VIEWS", True),
        ("THORACIC SPINE", False),
        ("TSPINE", False),
        ("BRUSTWIRBELSÄULE", False),
        ("CHESTABDOMEN", False),
        ("грудной отдел позвоночника", False),
        ("Cột sống ngực", False),
        ("tulang dada", False),
        ("органы грудной клетки", True),
        ("bröstkorg", True),
        ("krūtinės ląsta", True),
        ("KNEE", False),
        ("ZZZ", False),
        ("", None),
        ("UNKNOWN", None),
    ],
)
def test_what_a_value_says(text, expected):
    assert is_chest_in_words(text) is expected


def test_one_value_of_several_suffices():
    assert decide_body_part(["SHOULDER", "CHEST"], []).outcome == "chest"


@pytest.mark.parametrize(
    ("values", "codes"),
    [(["KNEE"], []), (["KNEE"], [("51185008", "Chest")]), ([], [("1", "Knee")])],
)
def test_another_part_is_refused_by_the_first_that_says_anything(values, codes):
    with pytest.raises(NotAFrontalChestRadiograph) as rejected:
        decide_body_part(values, codes)
    assert rejected.value.reason == Reason.NOT_CHEST


def test_a_code_decides_where_the_words_say_nothing():
    assert "2218" in decide_body_part(["PORTABLE"], [("T-D3000", "")]).source
    assert decide_body_part([], []).doubt


def test_the_codes_of_the_standards_list_are_understood():
    regions = codes.cid4031
    chest = {"Chest", "Rib", "ApexOfLung"}
    for name in regions.dir():
        code = getattr(regions, name)
        told = is_chest_in_code(code.value, code.meaning)
        assert told is (name in chest), name
    assert {getattr(regions, name).value for name in chest} <= CHEST_CODES


def test_no_word_is_in_two_lists():
    assert not CHEST_WORDS & OTHER_WORDS
    assert not CHEST_WORDS & SILENT_WORDS
    assert not OTHER_WORDS & SILENT_WORDS
