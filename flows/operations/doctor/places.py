"""What the doctor examines of sources and backups: whether they are there, and how old they are."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

from flows.arrivals.location import unscored_drop_folders
from flows.errors import InboxError
from flows.operations.doctor.finding import Finding, notice, problem, well
from flows.operations.retention import backups, is_older, spare_backups
from flows.settings import Settings
from flows.sources import Listed, Unseen, open_inbox

_AHEAD = timedelta(minutes=2)
_BACKUP_EACH = timedelta(days=1)
_RETENTION_EACH = timedelta(days=1)
_LATE = timedelta(hours=6)


def source(name: str, location: str) -> list[Finding]:
    """Examine one source: whether it answers, is empty, and how its clock goes."""
    check = f"source {name}"
    try:
        entries = asyncio.run(_first_entries(location))
    except InboxError as error:
        return [problem(check, str(error), "mount it, or correct its location")]
    if entries is None:
        return [notice(check, "it is empty", "look whether it is mounted and who should fill it")]
    listed = [entry for entry in entries if isinstance(entry, Listed)]
    if not listed:
        return [problem(check, "nothing in it can be read", "give this user the right to read it")]
    return [well(check, "it can be read"), *source_clock(check, listed)]


def drop_folders(settings: Settings) -> list[Finding]:
    """Examine whether what is brought to folders is scored; say nothing where it is."""
    return [
        problem(
            "drop folder",
            f"films are brought to {folder}, which is no source: none of them is scored",
            "set it as SEVERITY_INBOX, or add it to SEVERITY_SOURCES",
        )
        for folder in unscored_drop_folders(settings)
    ]


def location_of(location: str) -> str:
    """Return what the ledger calls a location that is set; the same if it cannot be opened."""
    try:
        return open_inbox(location, settle=timedelta(0)).location
    except InboxError:
        return location


async def _first_entries(location: str) -> list[Listed | Unseen] | None:
    """Return the first entries of a source; None if it is empty."""
    store = open_inbox(location, settle=timedelta(0)).store
    async for portion in store.entries():
        if portion:
            return list(portion)
    return None


def source_clock(check: str, listed: list[Listed]) -> list[Finding]:
    """Judge whether files were changed in the future, by the clock of whatever stores them."""
    latest = max(entry.modified for entry in listed)
    ahead = latest - datetime.now(UTC)
    if ahead <= _AHEAD:
        return []
    return [
        problem(
            f"{check} clock",
            f"a file in it was changed {ahead.total_seconds() / 60:.0f} minutes from now",
            "set the clock of this machine, or of what stores the files: such files wait",
        )
    ]


def last_backup(settings: Settings, now: datetime) -> Finding:
    """Examine how old the last backup is, and whether old ones go."""
    if settings.backup_folder is None:
        return notice(
            "backup",
            "where backups are is not known",
            "set SEVERITY_BACKUP_FOLDER, and run `cxr-severity db backup` each night",
        )
    if not os.access(settings.backup_folder, os.R_OK | os.X_OK):
        return problem(
            "backup",
            "its folder is missing or cannot be read",
            "mount it, give this user the right to read it, or run `cxr-severity db backup`",
        )
    files = backups(settings.backup_folder)
    if not files:
        return problem("backup", "there is none", "run `cxr-severity db backup` each night")
    age = now - datetime.fromtimestamp(files[-1].stat().st_mtime, UTC)
    text = f"the last one is {age.total_seconds() / 3600:.0f} hours old"
    if age > _BACKUP_EACH + _LATE:
        return problem("backup", text, "look why `cxr-severity db backup` does not run")
    if overdue := _overdue_backups(settings, now):
        return notice(
            "backup",
            f"{text}, and {overdue} are still there that SEVERITY_BACKUP_DAYS would have deleted",
            "let the service write to their folder (systemd: ReadWritePaths), or delete them",
        )
    return well("backup", text)


def _overdue_backups(settings: Settings, now: datetime) -> int:
    """Return how many backups retention, which is daily, should have deleted."""
    oldest = now - timedelta(days=settings.backup_days) - _RETENTION_EACH - _LATE
    return sum(is_older(file, oldest) for file in spare_backups(settings))
