"""The commands that write the database into a file, and restore it from there."""

from pathlib import Path

import click

from db.backups import read_backup, write_backup
from flows.cli.options import chosen_resources
from flows.cli.stopping import interrupted_by_signals
from flows.cli.terminal import terminal


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup_command(file: Path) -> None:
    """Write the whole database into a new FILE, as it is at this moment; runs may go on.

    FILE is in the format of pg_dump. It appears once it is whole, only its owner may read it, and
    no file is ever replaced. The pseudonym secret is not in it, and without the secret the backup
    cannot be continued: keep it too, but elsewhere, since both together identify patients.
    """
    with interrupted_by_signals(), chosen_resources() as resources:
        write_backup(resources.read_database(), file)
        secret = (
            "SEVERITY_PSEUDONYM_KEY"
            if resources.settings.pseudonym_key
            else resources.settings.pseudonym_file
        )
    terminal().print(
        f"The database is in {file} ({file.stat().st_size / 1e6:.1f} MB).\n"
        f"The pseudonym secret is not: keep a copy of {secret} elsewhere."
    )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
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
