"""What the database says of its views and their columns."""

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.schema import READER_ROLE


@dataclass(frozen=True)
class DescribedColumn:
    """A column of a view, its type in PostgreSQL, and what it contains."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class DescribedView:
    """A view, what it contains, and its columns in their order."""

    name: str
    meaning: str
    columns: tuple[DescribedColumn, ...]


def described_views(session: Session) -> list[DescribedView]:
    """Read the comments on all views that the reader's role may ask, by name of the view."""
    rows = session.execute(_VIEWS, {"role": READER_ROLE})
    return [
        DescribedView(name, meaning, tuple(DescribedColumn(*row[2:]) for row in columns))
        for (name, meaning), columns in groupby(rows, key=lambda row: (row[0], row[1]))
    ]


_VIEWS = text(
    """
    SELECT relname, coalesce(obj_description(pg_class.oid, 'pg_class'), ''), attname,
        format_type(atttypid, atttypmod), coalesce(col_description(attrelid, attnum), '')
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
        AND has_table_privilege(CAST(:role AS text), pg_class.oid, 'SELECT')
    ORDER BY relname, attnum
    """
)
