"""Lists of patients to merge."""

import pytest

from flows.cli.corrections.merge_list import MergePair, read_merge_list
from flows.errors import UsageError


def test_a_list_has_pairs_by_line_with_their_issuers_if_it_names_any(tmp_path):
    file = tmp_path / "merges.csv"
    file.write_text("\ufeffpatient,into,issuer\n 1 ,2,Town\n3,4,\n", encoding="utf-8")

    assert read_merge_list(file) == [
        MergePair(2, "1", "2", "Town", ""),
        MergePair(3, "3", "4", "", ""),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"from,to\n1,2\n", "no columns patient and into"),
        (b"", "no columns patient and into"),
        (b"patient,into\n4711,2\n4711,\n", "line 3"),
        (b"patient,into\n\xff,2\n", "UTF-8"),
    ],
)
def test_a_list_that_is_none_is_refused_without_an_identifier(tmp_path, content, message):
    file = tmp_path / "merges.csv"
    file.write_bytes(content)

    with pytest.raises(UsageError, match=message) as error:
        read_merge_list(file)

    assert "4711" not in str(error.value)
