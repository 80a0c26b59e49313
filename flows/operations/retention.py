"""Retention: deletes whatever grows and is of no further use; docs/operations.md has the policy."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db import retention
from db.embedded import TEMPORARY, rotate_log
from db.engine import Database
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

UNDELETABLE = "%d old files cannot be deleted: may this user write to their folders?"
"""What is logged of backups and temporary files that stay."""


@dataclass(frozen=True)
class Removed:
    """What a retention pass deleted, as counts; ``log_bytes`` were moved to older logs or cut off.

    ``gone_places`` are places of files that have long been gone, ``temporary_files`` what killed
    processes left, and ``receipt_days`` the days of which receipts went. ``undeletable`` are the
    backups and temporary files that should have gone, and stayed, as their folder cannot be written
    to.
    """

    lookups: int = 0
    gone_places: int = 0
    backups: int = 0
    temporary_files: int = 0
    log_bytes: int = 0
    receipt_days: int = 0
    undeletable: int = 0


@dataclass(frozen=True)
class Deleted:
    """How many of the files that are old were deleted, and how many could not be."""

    files: int = 0
    undeletable: int = 0


def apply_retention(resources: Resources) -> Removed:
    """Delete all that is older than the settings say; return how much that was.

    Safe to be called at any time, beside runs, and again after it was killed.

    Raises
    ------
    DatabaseError
        The database cannot be used.
    OSError
        The log of a server cannot be begun anew, as on a full disk; all else is done.
    """
    settings, database = resources.settings, resources.open_database()
    home, now = settings.home, datetime.now(UTC)
    # First the receipts: the places tell what became of their films.
    receipt_days = _forget_receipts(resources, now)
    dumps = delete_older(spare_backups(settings), now - timedelta(days=settings.backup_days))
    temporary = delete_older(_temporary_files(settings), now - _TEMPORARY)
    return Removed(
        lookups=_delete_rows(database, retention.delete_lookups, settings.lookup_days),
        gone_places=_delete_rows(database, retention.delete_gone_places, settings.gone_days),
        backups=dumps.files,
        temporary_files=temporary.files,
        log_bytes=_cut_logs(home),
        receipt_days=receipt_days,
        undeletable=dumps.undeletable + temporary.undeletable,
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


def _delete_rows(database: Database, delete: Callable[..., int], days: int) -> int:
    """Delete rows that are older, in portions; return how many went."""
    deleted = 0
    while True:
        with database.transaction() as session:
            portion = delete(session, timedelta(days=days), limit=_PORTION)
        if not portion:
            return deleted
        deleted += portion


def _forget_receipts(resources: Resources, now: datetime) -> int:
    """Delete the receipts of old days, of films that were scored or rejected."""
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


def spare_backups(settings: Settings) -> list[Path]:
    """Return the backups but the last few, which stay however old they are."""
    if settings.backup_folder is None:
        return []
    return backups(settings.backup_folder)[:-_FEWEST_BACKUPS]


def _temporary_files(settings: Settings) -> Iterator[Path]:
    """Yield what a process leaves behind if it is killed."""
    home = settings.home
    yield from (home / "prefect" / "tmp").glob("*")
    yield from home.glob(".pseudonym.key.*")
    yield from home.glob(f"{TEMPORARY}*")
    if settings.backup_folder is not None:
        yield from settings.backup_folder.glob(".severity-*.dump.*.part")


def _cut_logs(home: Path) -> int:
    """Begin the logs of servers anew that are large, which append to them for months."""
    cut = 0
    for log in (home / "postgres" / "log", home / "prefect" / "server.log"):
        if log.is_file():
            before = log.stat().st_size
            rotate_log(log, largest_bytes=_LARGEST_LOG_BYTES)
            cut += before - log.stat().st_size
    return cut


def delete_older(paths: Iterable[Path], oldest: datetime) -> Deleted:
    """Delete what was changed last before that; return how many went, and how many should have.

    What cannot be deleted, as another's, or is gone by now keeps nothing else from going.
    """
    deleted = undeletable = 0
    for path in paths:
        try:
            if is_older(path, oldest):
                _delete(path)
                deleted += 1
        except FileNotFoundError:
            continue
        except OSError:
            undeletable += 1
    return Deleted(deleted, undeletable)


def is_older(path: Path, oldest: datetime) -> bool:
    """Return whether a file was changed last before that.

    Raises
    ------
    OSError
        It is gone, or cannot be looked at.
    """
    return os.lstat(path).st_mtime < oldest.timestamp()


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
