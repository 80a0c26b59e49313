"""Verifies a backup by what it is for: it is restored, into a server that lasts for that long."""

from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from db.backups import read_backup, restore_backup
from db.embedded import temporary_url
from db.engine import Database
from db.errors import DatabaseError
from db.reading.site import balances
from flows.home import private_home


@dataclass(frozen=True)
class VerifiedBackup:
    """What a restored backup held, as counts, and how long its restoring took."""

    revision: str
    images: int
    scores: int
    seconds: float


def verify_backup(file: Path, home: Path) -> VerifiedBackup:
    """Restore a backup into a temporary server, and compare its counters with its rows.

    Parameters
    ----------
    home
        Where the server's files are for so long.

    Raises
    ------
    DatabaseError
        The file is no backup, it is damaged, or what it holds does not agree with itself.
    """
    backup, begun = read_backup(file), monotonic()
    with temporary_url(private_home(home)) as url:
        database = Database(url)
        try:
            revision = restore_backup(database, backup)
            seconds = monotonic() - begun
            with database.transaction() as session:
                wrong = balances.verify(session)
                sources = balances.balances(session)
        finally:
            database.dispose()
    if wrong or not all(source.holds for source in sources):
        raise DatabaseError(
            f"{file} can be restored, and {len(wrong)} of its counters do not agree with its rows: "
            "keep it, and run `cxr-severity status --verify` on the database"
        )
    return VerifiedBackup(
        revision,
        images=sum(source.accepted for source in sources),
        scores=sum(version.scored for source in sources for version in source.versions),
        seconds=seconds,
    )
