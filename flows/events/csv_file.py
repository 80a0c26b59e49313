"""Treatments from a CSV, line by line: what cannot be read is refused and stops nothing."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from flows.errors import UsageError
from flows.events.lines import numbered_lines
from flows.events.record import Cells, Problem, Refused, WrongRecord, check_group_name

_SEPARATORS = ",;\t"
_ALIASES = {"patient_id": "patient", "patientid": "patient"}
_COLUMNS = {"patient", "issuer", "kind", "label", "start", "end", "start_day", "end_day"}
_GROUP = re.compile(r"group\.(.*)", re.IGNORECASE)


@dataclass(frozen=True)
class _Layout:
    """The separator of a file, and its column names in their order."""

    separator: str
    columns: tuple[str, ...]

    def cells(self, line: str) -> Cells:
        """Return the cells of a line by their columns; WrongRecord if they do not fit."""
        row = _split(line, self.separator)
        if any(row[len(self.columns) :]):
            # Its values may stand in the wrong columns.
            raise WrongRecord(Problem.WRONG_CELLS)
        values = dict(zip(self.columns, row, strict=False))
        groups = {
            match[1].strip(): value
            for name, value in values.items()
            if (match := _GROUP.fullmatch(name))
        }
        return Cells(**_known(values), groups=groups)


def csv_cells(file: BinaryIO) -> Iterator[tuple[int, Cells] | Refused]:
    """Yield each record with the number of its line, and those that cannot be read.

    Parameters
    ----------
    file
        Separated by commas, semicolons or tabs; the first line names the columns ``patient``,
        ``issuer``, ``kind``, ``label``, ``start`` and ``end`` (or ``start_day`` and ``end_day``),
        and ``group.NAME``. Other columns are ignored. UTF-8, UTF-16 or Windows-1252.

    Raises
    ------
    UsageError
        There is no column ``patient``, or two columns of one name, or a group without a name.
    """
    lines = numbered_lines(file)
    layout = _layout(next(lines, (1, ""))[1] or "")
    for number, line in lines:
        if line is None:
            yield Refused(number, Problem.TOO_LONG)
        elif line.strip(" \t,;"):
            try:
                yield number, layout.cells(line)
            except WrongRecord as wrong:
                yield Refused(number, wrong.problem)


def _layout(header: str) -> _Layout:
    layouts = [_Layout(separator, _names(header, separator)) for separator in _SEPARATORS]
    layout = max(layouts, key=lambda layout: len(_COLUMNS.intersection(layout.columns)))
    if "patient" not in layout.columns:
        raise UsageError("the first line of the file names no column patient")
    used = [name for name in layout.columns if name in _COLUMNS or _GROUP.fullmatch(name)]
    if len(used) > len(set(used)):
        raise UsageError("the first line of the file names a column twice")
    _check_groups(used)
    return layout


def _check_groups(columns: Sequence[str]) -> None:
    for column in columns:
        if match := _GROUP.fullmatch(column):
            try:
                check_group_name(match[1].strip())
            except WrongRecord as wrong:
                raise UsageError(f"the name of a group in the first line: {wrong}") from None


def _names(header: str, separator: str) -> tuple[str, ...]:
    try:
        names = _split(header, separator)
    except WrongRecord:
        return ()
    return tuple(_name(name) for name in names)


def _name(column: str) -> str:
    if match := _GROUP.fullmatch(column):
        return f"group.{match[1].strip()}"  # a group keeps its capitals
    return _ALIASES.get(column.lower(), column.lower())


def _split(line: str, separator: str) -> list[str]:
    """Return the cells of one line; no cell goes on in the next, lest a quote swallow the rest."""
    try:
        (row,) = csv.reader([line], delimiter=separator, strict=True)
    except (csv.Error, ValueError):  # a quote that does not close; a carriage return
        raise WrongRecord(Problem.WRONG_CELLS) from None
    return [cell.strip() for cell in row]


def _known(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name in _COLUMNS}
