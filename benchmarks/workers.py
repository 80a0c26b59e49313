"""How many images a second the ledger takes from 1, 2, 4, 8 and 16 workers, and what they wait for.

``python -m benchmarks.workers``; docs/benchmarks.md explains the figures. The workers claim and
close images without files and networks, so that nothing but the ledger limits them.
"""

import argparse
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import cpu_count, getloadavg
from pathlib import Path
from threading import Event, Thread

import psutil
from pydantic import SecretStr
from rich.console import Console

from benchmarks.scale.building import Archive, build, check_counters
from benchmarks.scale.command import Sections, run
from benchmarks.scale.figures import Figure, percentiles
from benchmarks.scale.server import without_crash_safety
from benchmarks.scale.work import empty_queue, enlist
from benchmarks.scale.worker_group import Measured, WorkerGroup, rate
from db.engine import Database
from flows.resources import Progress, Resources
from flows.scoring.registration import register_model_version
from flows.settings import Settings

_WORKERS = (1, 2, 4, 8, 16)
_IMAGES_PER_SECOND = 2000
_SAMPLING_SECONDS = 0.02
_MOST_WAITS = 4  # that are shown
_LEAST_SHARE = 0.5  # of a percent

_WAITS = """
    SELECT coalesce(wait_event_type || ': ' || wait_event, 'working')
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()
"""
_SERVER = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"


@dataclass
class _Sampled:
    """What PostgreSQL's sessions were seen at, and the seconds of a processor of each."""

    waits: "Counter[str]" = field(default_factory=Counter)
    processor_seconds: dict[int, float] = field(default_factory=dict)


@contextmanager
def _sampling(database: Database) -> Iterator[_Sampled]:
    """Look many times a second at what the sessions of the server do, until the block ends."""
    sampled, stopping = _Sampled(), Event()

    def sample() -> None:
        with database.connection() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            server = psutil.Process(int(alone.exec_driver_sql(_SERVER).scalar_one())).parent()
            before = dict(_processor_seconds(server))
            while not stopping.wait(_SAMPLING_SECONDS):
                sampled.waits.update(alone.exec_driver_sql(_WAITS).scalars())
                for pid, seconds in _processor_seconds(server):
                    sampled.processor_seconds[pid] = seconds - before.get(pid, 0)

    thread = Thread(target=sample, name="sampling", daemon=True)
    thread.start()
    try:
        yield sampled
    finally:
        stopping.set()
        thread.join()


def _processor_seconds(server: psutil.Process | None) -> Iterator[tuple[int, float]]:
    for process in server.children() if server else []:
        try:
            times = process.cpu_times()
        except psutil.Error:  # it ended meanwhile
            continue
        yield process.pid, times.user + times.system


class Scaling:
    """Measures groups of more and more workers on one database."""

    def __init__(self, database: Database, url: str, archive: Archive) -> None:
        self._database = database
        queue = empty_queue(database, "/incoming", archive.queue.model_version_id)
        self._group = WorkerGroup(url, queue, archive.patients)
        self._enlisted = 0

    def measure(self, workers: int, *, images: int, batch: int) -> list[Figure]:
        """Let workers claim and close images; return their rate, and what took the time."""
        # Each worker ends within a batch of its share.
        last = self._enlisted + images + workers * batch
        enlist(self._database, self._group.queue, range(self._enlisted, last))
        self._enlisted = last
        with _sampling(self._database) as sampled:
            measured = self._group.work(images, batch=batch, workers=workers)
        return [
            rate("claimed and closed", measured, _IMAGES_PER_SECOND),
            *_latencies(measured),
            *_costs(measured, sampled),
            *_waits(sampled),
        ]


def _latencies(measured: Sequence[Measured]) -> list[Figure]:
    claims = [ms for worker in measured for ms in worker.claims_ms]
    closings = [ms for worker in measured for ms in worker.closings_ms]
    return [*percentiles("one claim", claims), *percentiles("one closing", closings)]


def _costs(measured: Sequence[Measured], sampled: _Sampled) -> list[Figure]:
    """Return the processor time of an image, in the workers and in the server, and the load."""
    images = sum(worker.scored for worker in measured)
    worker_seconds = sum(worker.processor_seconds for worker in measured)
    server_seconds = sum(sampled.processor_seconds.values())
    return [
        Figure("of a processor for an image, workers", 1e6 * worker_seconds / images, "us"),
        Figure("of a processor for an image, PostgreSQL", 1e6 * server_seconds / images, "us"),
        Figure(f"load of {cpu_count()} cores, last minute", getloadavg()[0], ""),
    ]


def _waits(sampled: _Sampled) -> list[Figure]:
    """Return what the sessions were seen at most, in percent of all that was seen."""
    total = sampled.waits.total() or 1
    shares = [
        Figure(name, 100 * count / total, "%")
        for name, count in sampled.waits.most_common(_MOST_WAITS)
    ]
    return [share for share in shares if share.value >= _LEAST_SHARE]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _options(arguments)
    return run(
        lambda url, folder, progress: _measured(options, url, folder, progress),
        database=options.database,
        file=options.json,
    )


def _measured(options: argparse.Namespace, url: str, folder: Path, progress: Console) -> Sections:
    database = Database(url)
    database.upgrade()
    settings = Settings(
        database_url=SecretStr(url),
        pseudonym_key=SecretStr(secrets.token_hex(32)),
        home=folder / "home",
    )
    registered = register_model_version(Resources(settings, Progress()))
    with without_crash_safety(database):
        archive = build(database, options.scores, registered.row_id, progress)
    scaling, sections = Scaling(database, url, archive), {}
    for workers in options.workers:
        began = time.monotonic()
        figures = scaling.measure(workers, images=options.images, batch=options.batch)
        sections[f"Workers: {workers}, batches of {options.batch}"] = figures
        progress.print(f"{workers} workers: {time.monotonic() - began:.0f} s")
    check_counters(database)
    database.dispose()
    return sections


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    for name, default, meaning in (
        ("--scores", 100_000, "scored images that are there before"),
        ("--images", 20_000, "new images that each group of workers claims and closes"),
        ("--batch", 64, "images that are claimed and closed at once"),
    ):
        parser.add_argument(name, type=int, default=default, help=f"{meaning} ({default:,})")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=list(_WORKERS), help="sizes of the groups"
    )
    parser.add_argument(
        "--database", metavar="URL", help="an empty database instead of a server of its own"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures into a file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
