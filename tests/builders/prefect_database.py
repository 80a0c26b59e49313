"""Prefect's own database with its tables, made once for all processes of tests.

Its hundred migrations take four seconds of a core, in each home where a server first starts.
"""

import fcntl
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from flows.home import private_folder, private_home

_MIGRATE = """
import asyncio
from prefect.server.database import provide_database_interface
asyncio.run(provide_database_interface().create_db())
"""
_NAME = "prefect.db"


def migrated_file(folder: Path) -> Path:
    """Return an empty database in a folder that processes share; whoever comes first makes it."""
    file = folder / _NAME
    with (folder / f"{_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            home = folder / "prefect-of-the-migrations"
            settings = os.environ | {"PREFECT_HOME": str(home)}
            subprocess.run([sys.executable, "-c", _MIGRATE], env=settings, check=True)
            _copy(home / _NAME, file)
    return file


def lay_out(migrated: Path, home: Path) -> None:
    """Give a home folder the database that a first start would leave there."""
    file = private_folder(private_home(home) / "prefect") / _NAME
    _copy(migrated, file)
    file.chmod(0o600)


def _copy(file: Path, to: Path) -> None:
    # Not as a file: what was written last may still be in its log.
    with closing(sqlite3.connect(file)) as database:
        database.execute("VACUUM INTO ?", [str(to)])
