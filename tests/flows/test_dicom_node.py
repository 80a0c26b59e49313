"""DICOM nodes as a person names them."""

import pytest

from flows.dicom_node import Node, checked_title
from flows.errors import UsageError


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("PACS@archive.example:104", Node("PACS", "archive.example", 104)),
        ("MY PACS@[::1]:11112", Node("MY PACS", "::1", 11112)),
    ],
)
def test_a_node_is_read_and_written_alike(text, read):
    assert Node.parse(text) == read
    assert str(read) == text


@pytest.mark.parametrize(
    "text",
    [
        "PACS",
        "PACS@host",
        "host:104",
        "@host:104",
        "PACS@host:0",
        "A" * 17 + "@h:1",
        " @h:1",
        "PÄCS@h:1",
    ],
)
def test_what_names_no_node_is_wrong_use(text):
    with pytest.raises(UsageError, match="is named like"):
        Node.parse(text)


@pytest.mark.parametrize("title", ["", " ", "A" * 17, "A\\B", "Ä"])
def test_an_own_title_that_no_node_may_be_told_is_wrong_use(title):
    with pytest.raises(UsageError, match="1 to 16 characters"):
        checked_title(title)


def test_blanks_around_a_title_mean_nothing():
    assert checked_title(" CR 2 ") == "CR 2"
