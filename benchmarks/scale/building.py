"""Builds the ledger of many years: scored images, by SQL in files beside this one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources

from rich.console import Console

from benchmarks.jobs import BenchmarkError
from benchmarks.scale.server import execute_alone
from db.engine import Database
from db.ledger import runs, sources
from db.ledger.claiming import Queue
from db.ledger.presence import start_run
from db.reading.site import balances

IMAGES_OF_A_PATIENT = 10
SOFTWARE = "benchmark"
_ROWS_AT_ONCE = 100_000
_ARCHIVE = "/archive"
_FINDINGS = 18


@dataclass(frozen=True)
class Archive:
    """What was built: the number of images, each with a score, and where they count."""

    images: int
    queue: Queue

    @property
    def patients(self) -> int:
        """How many patients the images are of."""
        return self.images // IMAGES_OF_A_PATIENT


def build(database: Database, images: int, model_version_id: int, progress: Console) -> Archive:
    """Write scored images, and the counters that belong to them.

    Raises
    ------
    BenchmarkError
        The counters contradict the rows.
    """
    with database.transaction() as session:
        source = sources.register(session, _ARCHIVE, zone="Europe/Berlin")
        sources.want(session, source.id, model_version_id=model_version_id)
    archive = Archive(images, Queue(source.id, model_version_id))
    with ended_run(database, archive.queue) as run_id:
        _write_rows(database, archive, run_id, progress)
    execute_file(database, "counters.sql")
    execute_alone(database, "VACUUM ANALYZE")
    check_counters(database)
    return archive


def _write_rows(database: Database, archive: Archive, run_id: int, progress: Console) -> None:
    values = {
        "source": archive.queue.source_id,
        "model": archive.queue.model_version_id,
        "run": run_id,
        "patients": archive.patients,
        "names": _add_names(database),
    }
    for first in range(1, archive.images + 1, _ROWS_AT_ONCE):
        last = min(first + _ROWS_AT_ONCE - 1, archive.images)
        execute_file(database, "rows.sql", {**values, "first": first, "last": last})
        progress.print(f"{last:,} of {archive.images:,} scores")


def _add_names(database: Database) -> int:
    names = [f"finding {number}" for number in range(_FINDINGS)]
    with database.connection() as connection, connection.begin():
        rows = connection.exec_driver_sql(
            "INSERT INTO output_names (kind, names) VALUES ('findings', %(names)s) RETURNING id",
            {"names": names},
        )
        row_id: int = rows.scalar_one()
        return row_id


def check_counters(database: Database) -> None:
    """Compare the counters with the rows; raise BenchmarkError if they differ."""
    with database.transaction() as session:
        if wrong := balances.verify(session):
            raise BenchmarkError(f"the counters contradict the rows: {wrong}")


@contextmanager
def ended_run(database: Database, queue: Queue) -> Iterator[int]:
    """Record a run that shows its presence inside the block, and ends after it."""
    with start_run(database, queue, software=SOFTWARE) as presence:
        yield presence.run_id
        with database.transaction() as session:
            runs.end_run(session, presence.run_id, "finished")


def execute_file(
    database: Database, name: str, values: dict[str, object] | None = None
) -> list[tuple[object, ...]]:
    """Execute a file of SQL beside this one in a transaction; return the last statement's rows."""
    statements = resources.files(__package__).joinpath(name).read_text()
    with database.connection() as connection, connection.begin():
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        result = connection.exec_driver_sql(statements, values)
        return [tuple(row) for row in result] if result.returns_rows else []
