"""How large all stores of a site are, and the memory of its processes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil

from benchmarks.year.site import Site

_TABLES = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
_ROWS_OF_PREFECT = ("flow_run", "task_run", "flow_run_state", "task_run_state", "log", "events")


def sizes(site: Site) -> dict[str, int]:
    """Return bytes by store, and by table of PostgreSQL as ``table NAME``."""
    prefect = site.home / "prefect"
    return {
        "PostgreSQL": site.value("SELECT pg_database_size(current_database())"),
        "WAL": _bytes(site.postgres / "pg_wal"),
        "Prefect": sum(_bytes(file) for file in prefect.glob("prefect.db*")),
        "logs": _bytes(site.home / "log")
        + _bytes(prefect / "server.log")
        + sum(_bytes(file) for file in site.postgres.glob("log*")),
        "home": _bytes(site.home),
        **{f"table {name}": int(size) for name, size in _tables(site)},
    }


def _tables(site: Site) -> list[tuple[str, int]]:
    with site.database.connection() as connection:
        return [(row[0], row[1]) for row in connection.exec_driver_sql(_TABLES)]


def prefect_rows(site: Site) -> dict[str, int]:
    """Return how many rows Prefect keeps, as ``prefect TABLE``."""
    file = site.home / "prefect" / "prefect.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
        return {
            f"prefect {table}": connection.execute(
                f"SELECT count(*) FROM {table}"  # noqa: S608 - a constant of ours
            ).fetchone()[0]
            for table in _ROWS_OF_PREFECT
        }


def memory(site: Site) -> dict[str, int]:
    """Return bytes of Prefect's server, and of PostgreSQL without counting shared pages twice."""
    parent = psutil.Process(site.prefect_pid)
    server = sum(child.memory_info().rss for child in parent.children())
    postmaster = int((site.postgres / "postmaster.pid").read_text().splitlines()[0])
    return {"memory Prefect": server, "memory PostgreSQL": sum(_shares(postmaster))}


def _shares(postmaster: int) -> Iterator[int]:
    parent = psutil.Process(postmaster)
    for process in [parent, *parent.children()]:
        try:
            yield process.memory_full_info().pss
        except psutil.Error:  # it ended meanwhile, or is not ours to look at
            continue


def _bytes(path: Path) -> int:
    """Return the size of a file, or of all files below a folder; 0 if it is not there."""
    if path.is_dir():
        return sum(_bytes(entry) for entry in path.iterdir())
    try:
        return path.lstat().st_size
    except OSError:
        return 0
