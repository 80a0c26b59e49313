"""CSV of the database as Parquet, a row group at a time."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import fastparquet
import pandas as pd

from db.reading.described_views import DescribedColumn
from db.reading.exports import NOTICE_COLUMN
from severity.domain import RESEARCH_USE_ONLY

_AT_ONCE = 100_000  # rows of a row group, which bounds the memory

_TYPES = {
    "bigint": "Int64",
    "integer": "Int64",
    "smallint": "Int64",
    "real": "float64",
    "double precision": "float64",
    "numeric": "float64",
    "boolean": "boolean",
}
_TIME = "timestamp with time zone"
_WRITTEN = {
    "compression": "ZSTD",
    "object_encoding": "utf8",
    "write_index": False,
    "custom_metadata": {"notice": RESEARCH_USE_ONLY},
}


def to_parquet(path: Path, columns: Sequence[DescribedColumn]) -> None:
    """Write a CSV file of `db.reading.exports` as Parquet beside it, with the columns' types.

    Times are in UTC, to the microsecond. Empty texts become null, as CSV cannot tell them apart.
    """
    target = path.with_suffix(".parquet")
    for place, part in enumerate(_parts(path, columns)):
        with warnings.catch_warnings():
            # fastparquet asks a column for its times as pandas 4 will no longer give them.
            warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
            fastparquet.write(str(target), part, append=place > 0, **_WRITTEN)
    target.chmod(0o600)


def _parts(path: Path, columns: Sequence[DescribedColumn]) -> Iterator[pd.DataFrame]:
    """Yield rows by the hundred thousand; one part without rows if there are none."""
    kinds = {column.name: column.type for column in columns} | {NOTICE_COLUMN: "boolean"}
    types = {name: _TYPES.get(kind, "str") for name, kind in kinds.items()}
    times = [name for name, kind in kinds.items() if kind == _TIME]
    with pd.read_csv(
        path,
        dtype=types,
        keep_default_na=False,
        na_values=[""],
        chunksize=_AT_ONCE,
        true_values=["t"],
        false_values=["f"],
    ) as parts:
        for part in parts:
            for name in times:
                part[name] = pd.to_datetime(part[name], format="ISO8601", utc=True).dt.as_unit("us")
            yield part
