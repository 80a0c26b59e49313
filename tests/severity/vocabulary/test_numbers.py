import pytest

from severity.vocabulary.numbers import parse_number


def test_a_number_is_read_with_blanks_around_it():
    assert [parse_number(text) for text in ("0.5", " -3 ", "1e-3")] == [0.5, -3, 0.001]


@pytest.mark.parametrize("text", ["0_5", "1_000", "0,5", "", "two"])
def test_what_only_python_takes_for_a_number_is_refused(text: str):
    with pytest.raises(ValueError, match=r"number|float"):
        parse_number(text)
