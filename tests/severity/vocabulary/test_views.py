"""The view: what words, codes and orientations say, and which of them decides."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._snomed_dict import mapping
from pydicom.sr.codedict import codes

from severity.domain import View
from severity.errors import NotAFrontalChestRadiograph
from severity.vocabulary.views import (
    SUPINE_WORDS,
    VIEW_CODES,
    VIEW_WORDS,
    Projection,
    Statement,
    decide_view,
    view_in_words,
    view_of_code,
    view_of_orientation,
)
from severity.vocabulary.words import words

QUALIFIERS = ["", "ERECT", "PORTABLE", "BEDSIDE", "CHEST", "THORAX", "STANDING", "1", "INSP", "R"]
SPACES = [" ", "_", "-", "/", ", ", "^"]
DX_VIEW = codes.cid4010


@given(
    st.sampled_from([(kind, word) for kind, known in VIEW_WORDS.items() for word in known]),
    st.sampled_from(QUALIFIERS),
    st.sampled_from(QUALIFIERS),
    st.sampled_from(SPACES),
    st.sampled_from([str.upper, str.lower, str.title]),
)
def test_a_word_is_understood_with_any_qualifiers_around_it(known, before, after, space, case):
    projection, word = known

    assert view_in_words(case(space.join([before, word, after]))) == projection


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p.a.", Projection.PA),
        ("A-P", Projection.AP),
        ("Thorax p.a. stehend", Projection.PA),
        ("postero-anterior", Projection.PA),
        ("Antero Posterior", Projection.AP),
        ("AP SUPINE", Projection.AP_SUPINE),
        ("supine ap portable", Projection.AP_SUPINE),
        ("AP semi-supine", Projection.AP),
        ("PA supine", Projection.PA),
        ("L", Projection.LATERAL),
        ("PA L", Projection.PA),
        ("Left Lateral", Projection.LATERAL),
        ("latero-lateral", Projection.LATERAL),
        ("PA and lateral", Projection.SEVERAL),
        ("AP PA", Projection.FRONTAL),
        ("supine", Projection.NOTHING),
        ("laterality R", Projection.NOTHING),
        ("PARASPINAL", Projection.NOTHING),
        ("", Projection.NOTHING),
    ],
)
def test_what_a_value_says(text, expected):
    assert view_in_words(text) == expected


@given(st.text(max_size=20))
def test_no_text_is_a_frontal_view_without_its_word(text):
    if view_in_words(text) in {Projection.PA, Projection.AP, Projection.AP_SUPINE}:
        assert {"A", "P"} <= set("".join(words(text)))


def coded_views():
    """The views of CID 4010 that pydicom knows by a name."""
    return [getattr(DX_VIEW, name) for name in DX_VIEW.dir()]


@pytest.mark.parametrize("code", coded_views(), ids=lambda code: code.meaning)
def test_a_code_says_what_its_meaning_says_alone_and_in_both_codings(code):
    in_words = view_in_words(code.meaning)
    told = view_of_code(code.value, "")
    if "oblique" not in code.meaning and in_words is not Projection.NOTHING:
        assert told == in_words
    elif told is not Projection.NOTHING:
        assert told in {Projection.OBLIQUE, Projection.FRONTAL}
    older = mapping["SCT"].get(code.value)
    if told is not Projection.NOTHING and older:
        assert view_of_code(older, "") == told


def test_every_code_is_of_the_standards_list_or_an_older_form_of_one():
    values = {code.value for code in coded_views()}
    older = {mapping["SCT"].get(value) for value in values}

    assert set(VIEW_CODES) - values - older == {"R-10214"}  # postero-anterior before 2003


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        ("L", "F", Projection.FRONTAL),
        ("R", "F", Projection.FRONTAL),
        ("F", "R", Projection.FRONTAL),
        ("A", "F", Projection.LATERAL),
        ("PR", "F", Projection.LATERAL),
        ("F", "a", Projection.LATERAL),
        ("", "", Projection.NOTHING),
    ],
)
def test_a_lateral_runs_from_front_to_back(rows, columns, expected):
    assert view_of_orientation(rows, columns) == expected


STATEMENTS = st.lists(
    st.builds(
        Statement,
        source=st.sampled_from("abc"),
        says=st.sampled_from(list(Projection)),
        is_hint=st.booleans(),
    ),
    max_size=5,
)


@given(STATEMENTS)
def test_where_anything_says_lateral_or_oblique_no_frontal_view_is_assumed(statements):
    try:
        view, decision = decide_view(statements)
    except NotAFrontalChestRadiograph:
        stated = [it for it in statements if it.says is not Projection.NOTHING and not it.is_hint]
        assert stated[0].says is Projection.LATERAL
        return
    doubtful = {Projection.LATERAL, Projection.OBLIQUE}
    if any(statement.says in doubtful for statement in statements):
        assert view is View.UNKNOWN
    if view is View.UNKNOWN:
        assert decision.doubt, "a person is told why"
    else:
        assert any(it.says.value == view.value for it in statements if not it.is_hint)


@given(STATEMENTS.map(lambda statements: [it for it in statements if it.is_hint]))
def test_hints_alone_neither_reject_nor_name_a_view(hints):
    assert decide_view(hints)[0] is View.UNKNOWN


def test_the_first_that_names_a_view_decides_and_another_is_a_doubt():
    first, second = Statement("View Position", Projection.PA), Statement("Code", Projection.AP)

    view, decision = decide_view([first, second])

    assert view is View.PA
    assert "Code says AP" in decision.doubt


def test_no_word_has_two_meanings():
    for first, second in itertools.combinations([*VIEW_WORDS.values(), SUPINE_WORDS], 2):
        assert not first & second
