"""Arrays to and from PostgreSQL by its binary COPY: millions of rows without a Python object each.

References
----------
* PostgreSQL manual, COPY, "Binary Format".
"""

from collections.abc import Mapping
from contextlib import closing
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = _SIGNATURE + bytes(8)  # no flags, no extension
_TRAILER = b"\xff\xff"
_NULL = -1  # the length of a NULL

Column = NDArray[Any]
"""Shape (rows,), of the type of its column: int64 for bigint, int32 for integer, int16 for
smallint, bool for boolean, float32 for real, float64 for double precision, bytes of one length for
text in UTF-8. A time is an int64, of microseconds since 2000. Masked elements are NULL."""


def read(session: Session, query: str, columns: Mapping[str, type]) -> dict[str, Column]:
    """Read the rows of a query into arrays.

    Parameters
    ----------
    query
        Without parameters. None of its columns is ever NULL.
    columns
        The name of each, in order, and its NumPy type.
    """
    content = BytesIO()
    _copy(session, f"COPY ({query}) TO STDOUT (FORMAT binary)", content)
    return _decoded(content.getbuffer(), columns)


def write(session: Session, table: str, columns: Mapping[str, Column]) -> None:
    """Append rows to a table, from a column for each name."""
    content = BytesIO(encoded(list(columns.values())))
    names = ", ".join(columns)
    _copy(session, f"COPY {table} ({names}) FROM STDIN (FORMAT binary)", content)


def _copy(session: Session, statement: str, content: BytesIO) -> None:
    connection = session.connection().connection
    with closing(connection.cursor()) as cursor:
        cursor.copy_expert(statement, content)


def _decoded(content: memoryview, columns: Mapping[str, type]) -> dict[str, Column]:
    row = _row({name: np.dtype(kind) for name, kind in columns.items()})
    rows = np.frombuffer(content[len(_HEADER) : -len(_TRAILER)], dtype=row)
    return {name: rows[name].astype(kind) for name, kind in columns.items()}


def encoded(columns: list[Column]) -> bytes:
    """Return rows as PostgreSQL reads them; those with the same columns NULL come together."""
    patterns = np.zeros(len(columns[0]), dtype=np.int64)
    for place, column in enumerate(columns):
        patterns |= np.ma.getmaskarray(column).astype(np.int64) << place
    parts = [
        _rows([column[patterns == pattern] for column in columns], int(pattern))
        for pattern in np.unique(patterns)
    ]
    return b"".join([_HEADER, *parts, _TRAILER])


def _rows(columns: list[Column], pattern: int) -> bytes:
    """Return rows whose columns are NULL where the pattern has a bit."""
    is_null = [bool(pattern >> place & 1) for place in range(len(columns))]
    row = _row(
        {
            str(place): None if null else column.dtype
            for place, (column, null) in enumerate(zip(columns, is_null, strict=True))
        }
    )
    rows = np.empty(len(columns[0]), dtype=row)
    rows["fields"] = len(columns)
    for place, (column, null) in enumerate(zip(columns, is_null, strict=True)):
        rows[f"length of {place}"] = _NULL if null else column.dtype.itemsize
        if not null:
            rows[str(place)] = np.ma.getdata(column)
    return rows.tobytes()


def _row(kinds: Mapping[str, "np.dtype[Any] | None"]) -> "np.dtype[Any]":
    """Return how a row lies in the stream: big-endian, each field after its length."""
    fields: list[tuple[str, Any]] = [("fields", ">i2")]
    for name, kind in kinds.items():
        fields.append((f"length of {name}", ">i4"))
        if kind is not None:
            fields.append((name, kind.newbyteorder(">")))
    return np.dtype(fields)
