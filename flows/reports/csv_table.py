"""Tables as CSV that a spreadsheet shows and does not run."""

import csv
from collections.abc import Mapping, Sequence
from typing import TextIO

# What a spreadsheet takes for the beginning of a formula, by OWASP's page "CSV Injection". The
# last four are the full-width forms of the first.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_csv(
    file: TextIO, rows: Sequence[Mapping[str, object]], *, columns: Sequence[str] = ()
) -> None:
    """Write rows as CSV, with a column for each key of any row.

    A text that a spreadsheet would take for a formula, such as a file's name, gets an apostrophe
    before it. Numbers stay as they are.

    Parameters
    ----------
    columns
        Those that come first, whether or not there is any row.
    """
    names = dict.fromkeys([*columns, *(column for row in rows for column in row)])
    writer = csv.DictWriter(file, fieldnames=list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _shown(cell) for column, cell in row.items()} for row in rows)


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would take a text for the beginning of a formula."""
    return cell.startswith(FORMULA_STARTS)


def _shown(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and is_formula(cell) else cell
