"""Opening a file of treatments, whatever its format."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from flows.errors import UsageError
from flows.events.csv_file import csv_cells
from flows.events.fhir_bundle import fhir_cells
from flows.events.record import Cells, Naming, Record, Refused, WrongRecord, read_record


def records(path: Path, naming: Naming) -> Iterator[Record | Refused]:
    """Yield what each record of a CSV or a FHIR Bundle says, or why it cannot be imported.

    Raises
    ------
    UsageError
        The file as a whole cannot be read; what was yielded before stands.
    """
    try:
        with path.open("rb") as file:
            for item in _cells(file, path, naming):
                yield item if isinstance(item, Refused) else _record(*item, naming)
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror}") from None


def _cells(file: BinaryIO, path: Path, naming: Naming) -> Iterator[tuple[int, Cells] | Refused]:
    if path.suffix.lower() == ".json":
        return fhir_cells(file, system=naming.system)
    return csv_cells(file)


def _record(line: int, cells: Cells, naming: Naming) -> Record | Refused:
    try:
        return read_record(line, cells, naming)
    except WrongRecord as wrong:
        return Refused(line, wrong.problem)
