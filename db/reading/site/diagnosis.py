"""What a server says of itself: its clock, a login's rights, sizes, and rows that are dead."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.schema import READER_ROLE, WORKER_ROLE

_MANY_DEAD_ROWS = 100_000


@dataclass(frozen=True)
class ServerReport:
    """What a server says of itself and of the login that asks.

    ``is_worker`` is whether the login may write scores. ``roles`` are those of ours that exist.
    ``bloated`` are tables with many more dead rows than vacuuming leaves. ``transaction_age`` is in
    transactions: at two thousand million of them a server stops.
    """

    at: datetime
    version: str
    is_superuser: bool
    is_worker: bool
    is_read_only: bool
    roles: tuple[str, ...]
    database_bytes: int
    transaction_age: int
    bloated: tuple[str, ...]


@dataclass(frozen=True)
class Growth:
    """How much a database grows: files that were received in so many days, and all of them."""

    days: int
    received: int
    seen: int


def server_report(session: Session) -> ServerReport:
    """Ask the server what it is, and what this login may do."""
    values = {"worker": WORKER_ROLE, "reader": READER_ROLE, "dead": _MANY_DEAD_ROWS}
    row = session.execute(_REPORT, values).mappings().one()
    lists = {name: tuple(row[name] or ()) for name in ("roles", "bloated")}
    return ServerReport(**{**row, **lists})


def growth(session: Session, *, days: int = 30) -> Growth:
    """Count what was received lately, by the counters of the hours."""
    received, seen = session.execute(_GROWTH, {"days": days}).one()
    return Growth(days, received, seen)


_REPORT = text(
    """
    SELECT
        clock_timestamp() AS at,
        current_setting('server_version') AS version,
        current_setting('is_superuser') = 'on' AS is_superuser,
        has_table_privilege('score', 'INSERT') AS is_worker,
        pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'
            AS is_read_only,
        (
            SELECT array_agg(CAST(rolname AS text) ORDER BY rolname) FROM pg_roles
            WHERE rolname IN (:worker, :reader)
        ) AS roles,
        pg_database_size(current_database()) AS database_bytes,
        (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database())
            AS transaction_age,
        (
            SELECT array_agg(CAST(relname AS text) ORDER BY relname) FROM pg_stat_user_tables
            WHERE n_dead_tup > :dead AND n_dead_tup > n_live_tup
        ) AS bloated
    """
)

_GROWTH = text(
    """
    SELECT
        (
            SELECT CAST(coalesce(sum(received), 0) AS bigint) FROM throughput
            WHERE hour > now() - make_interval(days => :days)
        ),
        (SELECT CAST(coalesce(sum(seen), 0) AS bigint) FROM source_balance)
    """
)
