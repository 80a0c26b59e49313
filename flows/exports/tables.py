"""Films, courses, responses and groups as CSV or Parquet, with a data dictionary beside them."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from db.engine import Database, Transaction
from db.reading import exports
from db.reading.described_views import DescribedColumn
from db.reading.exports import NOTICE_COLUMN, Selection
from flows.exports.new_folder import appearing, new_file
from flows.reports import FORMULA_STARTS
from flows.resources import SOFTWARE
from severity.domain import NO_EFFECT, RESEARCH_USE_ONLY

DICTIONARY, ABOUT = "dictionary.csv", "about.json"
"""What lies beside the tables: what each column contains, and what was exported when."""


class Format(StrEnum):
    """How tables are written."""

    CSV = "csv"
    PARQUET = "parquet"


def export_tables(
    database: Database, selection: Selection, folder: Path, written_as: Format
) -> dict[str, int]:
    """Write all tables of one state of the database into a new folder; return the rows of each.

    The folder appears when all of it is written, and only its owner can enter it.

    Raises
    ------
    UsageError
        The folder is not empty, or cannot be written.
    """
    with appearing(folder) as draft, database.transaction() as session:
        exports.begin_snapshot(session)
        return _Export(session, selection, draft, written_as).write()


@dataclass(frozen=True)
class _Export:
    """One export, into a folder that nobody sees yet."""

    session: Transaction
    selection: Selection
    folder: Path
    written_as: Format

    def write(self) -> dict[str, int]:
        columns = {table: exports.columns(self.session, table) for table in exports.TABLES}
        with new_file(self.folder / DICTIONARY) as file:
            _write_dictionary(file, columns)
        rows = {table: self._table(table, columns[table]) for table in columns}
        with new_file(self.folder / ABOUT) as file:
            json.dump(self._about(rows), file, indent=2)
        return rows

    def _table(self, table: str, columns: Sequence[DescribedColumn]) -> int:
        path = self.folder / f"{table}.csv"
        # Spreadsheets open CSV; what reads Parquet runs no formula, and wants texts as they are.
        starts = FORMULA_STARTS if self.written_as is Format.CSV else ()
        with new_file(path) as file:
            rows = exports.copy_table(
                self.session, table, self.selection, file, formula_starts=starts
            )
        if self.written_as is Format.PARQUET:
            # Imported here: pandas takes a second, which CSV needs not.
            from flows.exports.parquet import to_parquet  # noqa: PLC0415

            to_parquet(path, columns)
            path.unlink()
        return rows

    def _about(self, rows: Mapping[str, int]) -> dict[str, object]:
        since = self.selection.since
        return {
            "notice": RESEARCH_USE_ONLY,
            "responses": NO_EFFECT,
            "software": SOFTWARE,
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "model_version": self.selection.model_version,
            "patient_key": self.selection.patient_key,
            "since": since and since.isoformat(),
            "rows": dict(rows),
        }


def _write_dictionary(file: TextIO, columns: Mapping[str, Sequence[DescribedColumn]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["table", "column", "type", "meaning"])
    for table, of_table in columns.items():
        notice = DescribedColumn(NOTICE_COLUMN, "boolean", f"Always true: {RESEARCH_USE_ONLY}")
        for column in [*of_table, notice]:
            writer.writerow([table, column.name, column.type, column.meaning])
