"""Retention: deletes whatever grows and is of no further use; docs/operations.md has the policy."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db import retention
from db.embedded import TEMPORARY, rotate_log
from db.engine import Transaction
from flows.arrivals.accounting import Accounting
from flows.arrivals.receipts import Receipts
from flows.errors import UsageError
from flows.resources import Resources
from flows.settings import Settings

_PORTION = 10_000  # rows in a transaction: those that score take turns with it
_FEWEST_BACKUPS = 3
_LARGEST_LOG_BYTES = 5_000_000
_TEMPORARY = timedelta(days=2)  # longer than any pass
BACKUP_NAME = re.compile(r"severity-\d{4}-\d{2}-\d{2}T\d{6}Z\.dump")
"""How `db backup` names files in the folder of backups; no others are ever deleted there."""


@dataclass(frozen=True)
class Removed:
    """What a retention pass deleted, as counts; ``log_bytes`` were moved to older logs or cut off.

    ``gone_places`` are places of files that have long been gone, ``temporary_files`` what killed
    processes left.
    """

    lookups: int = 0
    gone_places: int = 0
    backups: int = 0
    temporary_files: int = 0
    log_bytes: int = 0
    receipt_days: int = 0


def apply_retention(resources: Resources) -> Removed:
    """Delete all that is older than the settings say; return how much that was.

    Safe to be called at any time, beside runs, and again after it was killed.

    Raises
    ------
    DatabaseError
        The database cannot be used.
    """
    settings, database = resources.settings, resources.open_database()

    def in_portions(delete: Callable[..., int], days: int) -> int:
        def portion() -> int:
            with database.transaction() as session:
                return _portion(session, delete, days)

        return sum(iter(portion, 0))

    now = datetime.now(UTC)
    # First the receipts: the places tell what became of their films.
    receipt_days = _forget_receipts(resources, now)
    return Removed(
        lookups=in_portions(retention.delete_lookups, settings.lookup_days),
        gone_places=in_portions(retention.delete_gone_places, settings.gone_days),
        backups=_count(_delete, _old_backups(settings, now)),
        temporary_files=_count(_delete, _leftovers(settings.home, now)),
        log_bytes=_cut_logs(settings.home),
        receipt_days=receipt_days,
    )


def apply_retention_daily(resources: Resources) -> Removed | None:
    """Apply retention, unless that was done today on this machine; None if it was.

    Raises
    ------
    DatabaseError
        The database cannot be used.
    OSError
        The home folder cannot be written to.
    """
    today = datetime.now(UTC).date().isoformat()
    done = resources.settings.home / "retention.day"
    if done.exists() and done.read_text(encoding="utf-8") == today:
        return None
    removed = apply_retention(resources)
    # Last: what was killed before is done again.
    done.write_text(today, encoding="utf-8")
    return removed


def _portion(session: Transaction, delete: Callable[..., int], days: int) -> int:
    return delete(session, timedelta(days=days), limit=_PORTION)


def _forget_receipts(resources: Resources, now: datetime) -> int:
    """Delete the receipts of old days, as long as each of their films was scored or rejected."""
    settings = resources.settings
    if not Receipts.of(settings.home).days():
        return 0  # nothing was ever received here
    oldest = now - timedelta(days=settings.receiver_receipt_days)
    try:
        accounting = Accounting.of(resources)
    except UsageError:  # no drop folder is set any more: nothing says what became of its films
        return 0
    return accounting.forget(oldest.date())


def backups(folder: Path) -> list[Path]:
    """Return the backups that `db backup` wrote into a folder, the oldest first.

    None where the folder cannot be read; without links that lead nowhere.
    """
    try:
        named = [file for file in folder.iterdir() if BACKUP_NAME.fullmatch(file.name)]
        return sorted(file for file in named if file.is_file())
    except OSError:
        return []


def _old_backups(settings: Settings, now: datetime) -> list[Path]:
    """Return the backups that are old, but never the last few, if none were written since."""
    if settings.backup_folder is None:
        return []
    oldest = now - timedelta(days=settings.backup_days)
    files = backups(settings.backup_folder)[:-_FEWEST_BACKUPS]
    return [file for file in files if _changed_at(file) < oldest]


def _leftovers(home: Path, now: datetime) -> Iterator[Path]:
    """Yield what processes left behind that were killed."""
    oldest = now - _TEMPORARY
    for folder, pattern in (
        (home / "prefect" / "tmp", "*"),
        (home, ".pseudonym.key.*"),
        (home, f"{TEMPORARY}*"),
    ):
        for path in folder.glob(pattern) if folder.is_dir() else ():
            if _changed_at(path) < oldest:
                yield path


def _cut_logs(home: Path) -> int:
    """Begin the logs of servers anew that are large, which append to them for months."""
    cut = 0
    for log in (home / "postgres" / "log", home / "prefect" / "server.log"):
        if log.is_file():
            before = log.stat().st_size
            rotate_log(log, largest_bytes=_LARGEST_LOG_BYTES)
            cut += before - log.stat().st_size
    return cut


def _count(action: Callable[[Path], None], paths: Iterator[Path] | list[Path]) -> int:
    done = 0
    for path in paths:
        action(path)
        done += 1
    return done


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(os.lstat(path).st_mtime, UTC)
