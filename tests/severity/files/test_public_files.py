"""What becomes of every file that pydicom and pydicom-data ship, as public_files.csv lists it.

A change of an outcome is looked at and then written by
`python -m tests.builders.public_files > tests/severity/files/public_files.csv`.
"""

import csv
from pathlib import Path

import pytest

from severity.domain import OutOfDistribution, Reason
from tests.builders.public_files import outcome, public_files

LIST = Path(__file__).with_name("public_files.csv")
FILES = dict(public_files())


def listed() -> dict[str, str]:
    with LIST.open(newline="", encoding="utf-8") as file:
        return {row["file"]: row["outcome"] for row in csv.DictReader(file)}


def test_every_file_is_listed() -> None:
    assert set(listed()) == set(FILES)


def test_the_list_has_codes_that_exist() -> None:
    flagged = {f"read, {flag}" for flag in OutOfDistribution}

    assert set(listed().values()) <= {"read", *flagged, *Reason}


@pytest.mark.parametrize("name", FILES)
def test_a_file_becomes_what_is_listed(name: str) -> None:
    assert outcome(FILES[name]) == listed()[name]
