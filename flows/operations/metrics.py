"""Metrics as Prometheus reads them: counts, times and sizes of a site, and nothing of a patient."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from db.errors import DatabaseError
from db.reading import tables
from db.reading.site.monitoring import Snapshot, snapshot
from flows.errors import FlowsError
from flows.operations.retention import backups
from flows.resources import SOFTWARE, Resources
from flows.settings import Settings, resolved

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of Prometheus' text format."""
_KEPT_SECONDS = 15.0
_PREFIX = "cxr_severity"


def read_snapshot(resources: Resources) -> Snapshot:
    """Read what is watched with the rights of a reader, who sees no table and writes nothing.

    Raises
    ------
    DatabaseError
        The database cannot be used.
    """
    with resources.read_database().transaction() as session:
        tables.read_as_reader(session)
        return snapshot(session)


def metrics_text(site: Snapshot | None, settings: Settings) -> bytes:
    """Return the metrics of a site in Prometheus' text format.

    Parameters
    ----------
    site
        None where the database cannot be used: ``cxr_severity_up`` is 0 then.
    """
    registry = CollectorRegistry()
    registry.register(_Site(site, settings))
    return generate_latest(registry)


def write_textfile(content: bytes, file: Path) -> None:
    """Replace a file that node_exporter's textfile collector reads, whole or not at all.

    Raises
    ------
    OSError
        It cannot be written.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")  # the collector reads *.prom alone
    draft.write_bytes(content)
    draft.chmod(0o644)  # another user collects it, and it names nobody
    draft.replace(file)


@dataclass(eq=False)
class CachedMetrics:
    """The metrics of a site, read again once they are some seconds old, however many ask."""

    resources: Resources
    _turn: Lock = field(default_factory=Lock, repr=False)
    _content: bytes = b""
    _read_at: float = -_KEPT_SECONDS

    def text(self) -> bytes:
        """Return the metrics; where the database is away, that it is."""
        with self._turn:
            if time.monotonic() - self._read_at >= _KEPT_SECONDS:
                self._content = self._read()
                self._read_at = time.monotonic()
            return self._content

    def _read(self) -> bytes:
        try:
            site = read_snapshot(self.resources)
        except (DatabaseError, FlowsError):
            site = None
        return metrics_text(site, self.resources.settings)


class _Site(Collector):
    """Yields the metrics of one snapshot."""

    def __init__(self, site: Snapshot | None, settings: Settings) -> None:
        self._site = site
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        yield _gauge("up", "1 if the database can be read.", [((), self._site is not None)])
        software = SOFTWARE.removeprefix("cxr-severity ")
        yield _gauge("info", "The program.", [((software,), 1)], "version")
        yield from _backup_metrics(self._settings)
        if self._site is not None:
            yield from _file_metrics(self._site)
            yield from _image_metrics(self._site)
            yield from _time_metrics(self._site, _watched(self._site, self._settings))
            yield _gauge("database_bytes", "Size.", [((), self._site.database_bytes)])


_Rows = list[tuple[tuple[str, ...], float]]


def _gauge(name: str, meaning: str, rows: _Rows, *labels: str) -> Metric:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", meaning, labels=labels)
    for values, number in rows:
        family.add_metric(values, float(number))
    return family


def _backup_metrics(settings: Settings) -> Iterator[Metric]:
    if settings.backup_folder is not None:
        files = backups(settings.backup_folder)
        latest = files[-1].stat().st_mtime if files else 0
        yield _gauge("last_backup_timestamp_seconds", "The last backup.", [((), latest)])


def _file_metrics(site: Snapshot) -> Iterator[Metric]:
    for name, meaning in (
        ("seen", "Files that were ever seen."),
        ("accepted", "Files that were accepted as images."),
        ("unread", "Files that wait to be judged or cannot be read."),
        ("obstacles", "Files and folders that cannot be read."),
    ):
        rows: _Rows = [((entry.source,), getattr(entry, name)) for entry in site.balances]
        yield _gauge(f"files_{name}", meaning, rows, "source")
    rejected: _Rows = [((row.source, row.reason), row.files) for row in site.rejections]
    yield _gauge("files_rejected", "Rejected files, by reason.", rejected, "source", "reason")
    holds: _Rows = [((entry.source,), entry.holds) for entry in site.balances]
    yield _gauge("balance_holds", "1 if nothing was lost.", holds, "source")


def _image_metrics(site: Snapshot) -> Iterator[Metric]:
    versions = [(entry.source, version) for entry in site.balances for version in entry.versions]
    for name, column, meaning in (
        ("scored", "scored", "Images that have a score."),
        ("pending", "waiting", "Images that have yet to be scored."),
        ("failed", "failed", "Images that could not be scored."),
        ("out_of_distribution", "out_of_distribution", "Scored images that are unlike known ones."),
    ):
        rows: _Rows = [
            ((source, version.model_version), getattr(version, column))
            for source, version in versions
        ]
        yield _gauge(f"images_{name}", meaning, rows, "source", "model_version")
    courses: _Rows = [((row.model_version, row.verdict), row.patients) for row in site.verdicts]
    yield _gauge("courses", "Patients, by verdict.", courses, "model_version", "verdict")


def _watched(site: Snapshot, settings: Settings) -> set[str]:
    """Return the sources whose passes are waited for: those that are set, or all where none is.

    One that was given up has its last success for ever, and an alert would never end. All, where a
    folder does not answer: the ledger may know it by another path.
    """
    known = {row.source for row in site.runs} | {row.source for row in site.oldest_waiting}
    locations = {source.location for source in settings.all_sources}
    if not locations or known <= locations:
        return known
    try:
        return known & (locations | {resolved(location) for location in locations})
    except (OSError, RuntimeError):
        return known


def _time_metrics(site: Snapshot, watched: set[str]) -> Iterator[Metric]:
    oldest: _Rows = [
        ((row.source, row.model_version), _since(row.since, site.at))
        for row in site.oldest_waiting
        if row.source in watched
    ]
    runs = [row for row in site.runs if row.source in watched]
    yield _gauge(
        "oldest_pending_seconds", "Age of what is scored next.", oldest, "source", "model_version"
    )
    successes: _Rows = [((row.source,), _epoch(row.last_success_at)) for row in runs]
    yield _gauge(
        "last_success_timestamp_seconds", "End of the last run that finished.", successes, "source"
    )
    received: _Rows = [((row.source,), _epoch(row.last_received_hour)) for row in runs]
    yield _gauge(
        "last_received_timestamp_seconds", "Hour in which a file last arrived.", received, "source"
    )
    failures: _Rows = [((row.source,), row.failures_since) for row in runs]
    yield _gauge("runs_failed_since_success", "Failed runs.", failures, "source")
    yield from _stage_metrics(site)


def _stage_metrics(site: Snapshot) -> Iterator[Metric]:
    labels = ("source", "model_version", "stage")
    seconds = CounterMetricFamily(f"{_PREFIX}_stage_seconds", "Time in a stage.", labels=labels)
    images = CounterMetricFamily(f"{_PREFIX}_stage_images", "Images through it.", labels=labels)
    for row in site.stages:
        values = (row.source, row.model_version, row.stage)
        seconds.add_metric(values, row.seconds)
        images.add_metric(values, row.images)
    yield seconds
    yield images


def _epoch(at: datetime | None) -> float:
    """Return seconds since 1970; 0 for never, which is long ago in every alert."""
    return 0.0 if at is None else at.astimezone(UTC).timestamp()


def _since(at: datetime, now: datetime) -> float:
    return (now - at).total_seconds()
