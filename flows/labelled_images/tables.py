"""Tables of labelled images and of predictions: CSV, separated by commas, read strictly.

A row that was cut, joined or shifted must not become a label: with decimal commas, ``2,7`` would
be an extent of 2 points and an opacity of 7.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.errors import UsageError

FILENAME = "filename"

_SEPARATOR = ","
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True)
class Table:
    """A table's content, its columns in lower case, and its rows, of a cell for each column.

    ``image_column`` is the column that names the image. A row's number is its place plus 1.
    """

    content: bytes
    columns: Sequence[str]
    image_column: str
    rows: Sequence[Mapping[str, str]]


def read_table(path: Path, image_columns: Sequence[str] = (FILENAME,)) -> Table:
    """Read a table in UTF-8 that has one of ``image_columns``.

    The case of columns does not matter. Empty lines are left out, and so are columns without a
    name, of which only the first may have content.

    Raises
    ------
    UsageError
        The table cannot be read, a column has no name or is there twice, or a row has more or
        fewer cells than there are columns, or names no image.
    """
    try:
        content = path.read_bytes()
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        lines = [cells for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        detail = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path} cannot be read: {detail}") from error
    columns = _names(lines[0]) if lines else []
    image_column = next((name for name in image_columns if name in columns), None)
    if image_column is None:
        raise UsageError(_no_image_column(path, image_columns, lines[0] if lines else ()))
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice:
        raise UsageError(f"{path} has the column {twice} twice")
    rows = list(_rows(path, columns, lines[1:]))
    unnamed = [number for number, row in enumerate(rows, start=1) if not row[image_column]]
    if unnamed:
        raise UsageError(f"{path}: record {unnamed[0]} has no {image_column}")
    return Table(content, [name for name in columns if name], image_column, rows)


def _names(header: Sequence[str]) -> list[str]:
    return [name.strip().lower() for name in header]


def _rows(
    path: Path, columns: Sequence[str], lines: Sequence[Sequence[str]]
) -> Iterator[dict[str, str]]:
    for number, cells in enumerate(lines, start=1):
        if len(cells) != len(columns):
            raise UsageError(
                f"{path}: record {number} has {len(cells)} cells, and there are {len(columns)} "
                "columns; decimals need a point, and cells with a comma need quotes"
            )
        row = dict(zip(columns, map(str.strip, cells), strict=True))
        # The first column has no name where a program has numbered the rows.
        beyond = zip(columns[1:], cells[1:], strict=True)
        if any(cell.strip() for name, cell in beyond if not name):
            raise UsageError(f"{path}: record {number} has a cell in a column without a name")
        row.pop("", None)
        yield row


def _no_image_column(path: Path, image_columns: Sequence[str], header: Sequence[str]) -> str:
    """Return why no column names the image: perhaps something else separates the cells."""
    problem = f"{path} has no column {' or '.join(image_columns)}"
    line = _SEPARATOR.join(header)
    for separator, words in _OTHER_SEPARATORS.items():
        with suppress(csv.Error):
            names = _names(next(csv.reader([line], delimiter=separator), []))
            if set(image_columns) & set(names):
                return f"{problem}: its cells are separated by {words}, and must be by commas"
    return problem
