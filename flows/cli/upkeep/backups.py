"""The commands that write the database into a file, verify it, and restore it from there."""

from datetime import UTC, datetime
from pathlib import Path

import click

from db.backups import read_backup, write_backup
from flows.cli.options import chosen_resources
from flows.cli.paths import NamedPath
from flows.cli.stopping import interrupted_by_signals
from flows.cli.terminal import terminal
from flows.errors import UsageError
from flows.operations.backup_check import VerifiedBackup, verify_backup
from flows.resources import Resources
from flows.settings import Settings


@click.command()
@click.argument("file", required=False, type=NamedPath(dir_okay=False, path_type=Path))
@click.option("--verify", is_flag=True, help="Then restore it into a temporary server, and count.")
def backup_command(file: Path | None, *, verify: bool) -> None:
    """Write the whole database into a new FILE, as it is at this moment; runs may go on.

    Without FILE it is named by the time, in SEVERITY_BACKUP_FOLDER. It is in the format of pg_dump,
    appears once it is whole, only its owner may read it, and no file is ever replaced. The
    pseudonym secret is not in it, and without the secret the backup cannot be continued: keep it
    too, but elsewhere, since both together identify patients.
    """
    with interrupted_by_signals(), chosen_resources() as resources:
        file = file or _next_file(resources.settings)
        write_backup(resources.read_database(), file)
        terminal().print(_written(file, resources))
        if verify:
            terminal().print(_verified(verify_backup(file, resources.settings.home)))


def _next_file(settings: Settings) -> Path:
    """Return a new name in the folder of backups, which is made if it is missing."""
    if settings.backup_folder is None:
        raise UsageError("no file: name one, or set SEVERITY_BACKUP_FOLDER")
    try:
        settings.backup_folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(f"SEVERITY_BACKUP_FOLDER cannot be made: {error.strerror}") from error
    return settings.backup_folder / f"severity-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.dump"


def _written(file: Path, resources: Resources) -> str:
    secret = (
        "SEVERITY_PSEUDONYM_KEY"
        if resources.settings.pseudonym_key
        else resources.settings.pseudonym_file
    )
    return (
        f"The database is in {file} ({file.stat().st_size / 1e6:.1f} MB).\n"
        f"The pseudonym secret is not: keep a copy of {secret} elsewhere."
    )


@click.command()
@click.argument("file", type=NamedPath(exists=True, dir_okay=False, path_type=Path))
def verify_backup_command(file: Path) -> None:
    """Restore FILE into a temporary server, and compare its counters with its rows.

    FILE is a backup. The database itself is not touched, and no pseudonym secret is needed. It
    takes as much of the disk of SEVERITY_HOME as the database, for as long as it lasts.
    """
    with interrupted_by_signals(), chosen_resources() as resources:
        terminal().print(_verified(verify_backup(file, resources.settings.home)))


def _verified(backup: VerifiedBackup) -> str:
    return (
        f"Verified: it was restored in {backup.seconds:.0f} s, at revision {backup.revision}, with "
        f"{backup.images} images and {backup.scores} scores, and every counter agrees with the "
        "rows."
    )


@click.command()
@click.argument("file", type=NamedPath(exists=True, dir_okay=False, path_type=Path))
def restore_command(file: Path) -> None:
    """Restore the database from FILE, a backup or a dump of pg_dump, whole or not at all.

    The database must be empty, and the pseudonym secret of the backup must be there. An older
    backup is migrated. The next run scores what arrived since, and nothing twice.
    """
    with chosen_resources() as resources:
        revision = resources.restore_database(read_backup(file))
    terminal().print(
        f"The database is restored, at revision {revision}. `cxr-severity status --verify` "
        "compares its counters with its rows."
    )
