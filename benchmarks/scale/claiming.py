"""What the ledger alone costs: claims, and how many images are claimed and closed in a second."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from benchmarks.scale.building import Archive
from benchmarks.scale.figures import Figure, percentiles, timed
from benchmarks.scale.work import empty_queue, enlist
from benchmarks.scale.worker_group import WorkerGroup, rate
from db.engine import Database
from db.ledger import runs

_BATCH, _LARGE_BATCH = 16, 64
_WORKERS = 2
_CLAIM_MS, _CLAIM_MS_BEFORE = 10, 2100
_NEW = "/incoming"


class Claiming:
    """Measures claims and closings of new images, in a source of their own."""

    def __init__(self, database: Database, url: str, archive: Archive) -> None:
        self._database = database
        self._queue = empty_queue(database, _NEW, archive.queue.model_version_id)
        self._group = WorkerGroup(url, self._queue, archive.patients)

    def measure(self, *, images: int, meanwhile: int, progress: Console) -> list[Figure]:
        """Measure both in rounds of ``images``, and once more while dead rows pile up.

        Parameters
        ----------
        meanwhile
            Images that are claimed and closed while another session keeps a snapshot.
        """
        all_images = (2 * _WORKERS + 1) * (images + _WORKERS * _LARGE_BATCH) + meanwhile
        began = time.perf_counter()
        enlist(self._database, self._queue, range(all_images))
        seconds = time.perf_counter() - began
        figures = [Figure("enlisted by content", all_images / seconds, "images/s", at_least=True)]
        for batch in (_BATCH, _LARGE_BATCH):
            for workers in range(1, _WORKERS + 1):
                figures += self._round(images, batch, workers)
                progress.print(f"claimed and closed in batches of {batch}, {workers} workers")
        with self._snapshot():
            figures += self._after_many(images, meanwhile)
        return figures

    def _round(self, images: int, batch: int, workers: int) -> list[Figure]:
        measured = self._group.work(images, batch=batch, workers=workers)
        figures = [rate(f"claimed and closed by {batch}, workers: {workers}", measured)]
        if (batch, workers) == (_BATCH, 1):
            figures += _claims(f"one claim of {_BATCH}", measured[0].claims_ms)
            figures += percentiles(f"closing these {_BATCH}", measured[0].closings_ms)
        return figures

    def _after_many(self, images: int, meanwhile: int) -> list[Figure]:
        """Measure claims while no dead row may be removed."""
        measured = self._group.work(meanwhile, batch=_LARGE_BATCH, workers=_WORKERS)
        (worker,) = self._group.work(images, batch=_BATCH, workers=1)
        first, *others = worker.claims_ms
        return [
            rate(f"by {_LARGE_BATCH}, workers: {_WORKERS}, under a snapshot", measured),
            Figure(f"first claim of a run after {meanwhile:,} under a snapshot", first, "ms"),
            *_claims(f"one claim of {_BATCH} after these", others),
            *percentiles(f"closing {_BATCH} after these", worker.closings_ms),
            *percentiles("releasing the claims of dead runs, then", timed(50, self._release)),
        ]

    def _release(self, _: int) -> None:
        """Look for dead runs, as each claim of the product does."""
        with self._database.transaction() as session:
            runs.release_abandoned(session, is_thorough=False)

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Keep a snapshot, as a backup does: no row that was deleted since may be removed."""
        with self._database.connection() as connection:
            session = connection.execution_options(isolation_level="REPEATABLE READ")
            with session.begin():
                session.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
                session.exec_driver_sql("SELECT count(*) FROM run")
                yield


def _claims(name: str, times_ms: Sequence[float]) -> list[Figure]:
    return percentiles(name, times_ms, target=_CLAIM_MS, before=_CLAIM_MS_BEFORE)
