"""Whole tables as CSV, streamed by COPY, and what each of their columns contains."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from psycopg2 import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.reading.described_views import DescribedColumn
from db.reading.tables import read_as_reader


@dataclass(frozen=True)
class Selection:
    """The films that are exported: by one model version, of all persons or one, from a time on.

    ``patient_key`` is that of the person in whom a merged patient counts. With ``since``, only what
    has a date is left.
    """

    model_version: str
    patient_key: str | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class _Table:
    """A view, its order, and its column that ``since`` is about."""

    view: str
    order: tuple[str, ...]
    time: str = ""
    has_model_version: bool = True


_TABLES = {
    "films": _Table("scored_image", ("patient_key", "acquired_at", "image_id"), "acquired_at"),
    "courses": _Table("patient_course", ("patient_key", "acquired_at", "image_id"), "acquired_at"),
    "responses": _Table(
        "event_response", ("patient_key", "starts_at", "event_id", "day"), "starts_at"
    ),
    "groups": _Table("group_membership", ("patient_key", "group_name"), has_model_version=False),
}

TABLES = tuple(_TABLES)
"""The tables that are exported: `films` has every score, also of withdrawn images; `courses` the
levels and verdicts, `responses` the levels around treatments, `groups` the groups of patients."""

NOTICE_COLUMN = "research_use_only_not_for_diagnosis"
"""The last column of each table, always true: so each file says what it is for."""


def begin_snapshot(session: Session) -> None:
    """Let this transaction read one state of the database as dashboards do, however long it takes.

    It must be the first statement of the transaction.
    """
    session.execute(_SNAPSHOT)
    session.execute(_AT_LENGTH)
    read_as_reader(session)


def columns(session: Session, table: str) -> list[DescribedColumn]:
    """Return the columns of an exported table, in order, but for `NOTICE_COLUMN`."""
    return [
        DescribedColumn(*row) for row in session.execute(_COLUMNS, {"view": _TABLES[table].view})
    ]


def copy_table(
    session: Session,
    table: str,
    selection: Selection,
    file: IO[str],
    *,
    formula_starts: Sequence[str] = (),
) -> int:
    """Write a table as CSV with a header, row by row; return how many rows it has.

    NULL is an empty cell, true is ``t``, and times have the offset of UTC.

    Parameters
    ----------
    formula_starts
        A text that begins with one of these gets an apostrophe before it.
    """
    names = columns(session, table)
    query = _query(_TABLES[table], names, selection, formula_starts)
    connection = session.connection().connection
    with closing(connection.cursor()) as cursor:
        cursor.copy_expert(_COPY.format(query), file)
        return int(cursor.rowcount)


def _query(
    table: _Table,
    names: Sequence[DescribedColumn],
    selection: Selection,
    formula_starts: Sequence[str],
) -> sql.Composed:
    shown = [_shown(column, formula_starts) for column in names]
    shown.append(sql.SQL("true AS {}").format(sql.Identifier(NOTICE_COLUMN)))
    return sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {}").format(
        sql.SQL(", ").join(shown),
        sql.Identifier(table.view),
        _condition(table, selection),
        sql.SQL(", ").join(map(sql.Identifier, table.order)),
    )


def _shown(column: DescribedColumn, formula_starts: Sequence[str]) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.type != "text" or not formula_starts:
        return name
    return _WITHOUT_FORMULA.format(name=name, starts=sql.Literal(list(formula_starts)))


def _condition(table: _Table, selection: Selection) -> sql.Composable:
    wanted: Mapping[str, Any] = {
        "model_version": selection.model_version if table.has_model_version else None,
        "patient_key": selection.patient_key,
    }
    parts: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in wanted.items()
        if value is not None
    ]
    if selection.since is not None and table.time:
        since = sql.SQL("{} >= {} AND calendar_known")
        parts.append(since.format(sql.Identifier(table.time), sql.Literal(selection.since)))
    return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")


_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

# Millions of rows take longer than a question of a dashboard may.
_AT_LENGTH = text("SET LOCAL statement_timeout = 0; SET LOCAL TimeZone = 'UTC'")

_COPY = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER, ENCODING 'UTF8')")

_WITHOUT_FORMULA = sql.SQL(
    "CASE WHEN left({name}, 1) = ANY ({starts}) THEN '''' || {name} ELSE {name} END AS {name}"
)

_COLUMNS = text(
    """
    SELECT attname, format_type(atttypid, NULL), coalesce(col_description(attrelid, attnum), '')
    FROM pg_attribute
    WHERE attrelid = CAST(:view AS regclass) AND attnum > 0 AND NOT attisdropped
    ORDER BY attnum
    """
)
