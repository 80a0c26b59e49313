"""How many rows of a table a transaction has read, by PostgreSQL's own count."""

from sqlalchemy import text
from sqlalchemy.orm import Session


def rows_read(session: Session, table: str) -> int:
    """Return how many rows of a table this transaction has fetched."""
    count: int = session.execute(
        text(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables "
            "WHERE relname = :table"
        ),
        {"table": table},
    ).scalar_one()
    return count
