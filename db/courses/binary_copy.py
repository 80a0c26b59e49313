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
from numpy.typing import DTypeLike, NDArray
from sqlalchemy.orm import Session

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = _SIGNATURE + bytes(8)  # no flags, no extension
_TRAILER = b"\xff\xff"
_NULL = -1  # the length of a NULL

Column = NDArray[Any]
"""Shape (rows,), of the type of its column: int64 for bigint, int32 for integer, int16 for
smallint, bool for boolean, float32 for real, float64 for double precision, bytes for text in UTF-8
(read: of one length). A time is an int64, of microseconds since 2000. Masked elements are NULL."""


def read(session: Session, query: str, columns: Mapping[str, DTypeLike]) -> dict[str, Column]:
    """Read the rows of a query into arrays.

    Parameters
    ----------
    query
        Without parameters. None of its columns is ever NULL.
    columns
        The name of each, in order, and its NumPy type; of a text of 64 bytes ``S64``.
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


def _decoded(content: memoryview, columns: Mapping[str, DTypeLike]) -> dict[str, Column]:
    row = _row({name: np.dtype(kind) for name, kind in columns.items()})
    rows = np.frombuffer(content[len(_HEADER) : -len(_TRAILER)], dtype=row)
    return {name: rows[name].astype(kind) for name, kind in columns.items()}


def encoded(columns: list[Column]) -> bytes:
    """Return rows as PostgreSQL reads them; those with fields of the same lengths come together."""
    layouts = _layouts(columns)
    parts = [
        _rows([column[layouts == layout] for column in columns]) for layout in np.unique(layouts)
    ]
    return b"".join([_HEADER, *parts, _TRAILER])


def _layouts(columns: list[Column]) -> NDArray[np.int64]:
    """Return a number for each row; rows of one number have the same NULLs and lengths of texts."""
    layouts = np.zeros(len(columns[0]), dtype=np.int64)
    for place, column in enumerate(columns):
        layouts |= np.ma.getmaskarray(column).astype(np.int64) << place
    for column in columns:
        if column.dtype.kind == "S":
            layouts = np.unique(layouts, return_inverse=True)[1]
            layouts = layouts * (column.dtype.itemsize + 1) + _text_lengths(column)
    return layouts


def _text_lengths(column: Column) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = np.strings.str_len(np.ma.getdata(column)).astype(np.int64)
    return lengths


def _rows(columns: list[Column]) -> bytes:
    """Return rows of one layout."""
    kinds = {str(place): _kind(column) for place, column in enumerate(columns)}
    rows = np.empty(len(columns[0]), dtype=_row(kinds))
    rows["fields"] = len(columns)
    for column, (name, kind) in zip(columns, kinds.items(), strict=True):
        rows[f"length of {name}"] = _NULL if kind is None else kind.itemsize
        if kind is not None:
            rows[name] = np.ma.getdata(column)
    return rows.tobytes()


def _kind(column: Column) -> "np.dtype[Any] | None":
    """Return the type of a column's fields, all of which have the length of the first one."""
    if np.ma.getmaskarray(column)[0]:
        return None
    if column.dtype.kind == "S":
        return np.dtype(f"S{_text_lengths(column[:1])[0]}")
    return column.dtype


def _row(kinds: Mapping[str, "np.dtype[Any] | None"]) -> "np.dtype[Any]":
    """Return how a row lies in the stream: big-endian, each field after its length."""
    fields: list[tuple[str, Any]] = [("fields", ">i2")]
    for name, kind in kinds.items():
        fields.append((f"length of {name}", ">i4"))
        if kind is not None:
            fields.append((name, kind.newbyteorder(">")))
    return np.dtype(fields)
