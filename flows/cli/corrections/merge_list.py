"""A list of patients to merge, as a file of pairs."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.errors import UsageError


@dataclass(frozen=True)
class MergePair:
    """A patient and the other in whose trends the images shall count, by line of the file."""

    line: int
    patient: str
    into: str
    issuer: str
    into_issuer: str


def read_merge_list(path: Path) -> list[MergePair]:
    """Read pairs from a CSV with the columns patient and into, and optionally their issuers.

    Raises
    ------
    UsageError
        It is not such a CSV; the message has the line and no identifier.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_pairs(csv.DictReader(file)))
    except (OSError, UnicodeError, csv.Error) as error:
        raise UsageError(f"the list cannot be read as CSV in UTF-8: {error}") from error


def _pairs(reader: "csv.DictReader[str]") -> Iterator[MergePair]:
    if not {"patient", "into"} <= set(reader.fieldnames or ()):
        raise UsageError("the first line of the list names no columns patient and into")
    for row in reader:
        cells = {
            name: (row.get(name) or "").strip()
            for name in ("patient", "into", "issuer", "into_issuer")
        }
        if not cells["patient"] or not cells["into"]:
            raise UsageError(f"line {reader.line_num}: a patient is missing; nothing was merged")
        yield MergePair(reader.line_num, **cells)
