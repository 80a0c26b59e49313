"""Prefect's environment: quiet, private, in the project's own folder."""

import os
from pathlib import Path


def configure_prefect(home: Path, *, quiet: bool) -> None:
    """Set the environment variables that Prefect reads when it is first imported.

    A variable that the site set itself stays as it is.

    Parameters
    ----------
    home
        The project's folder; Prefect keeps its own state below it.
    quiet
        Log warnings and errors only: the terminal shows a progress bar.
    """
    folder = home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "WARNING" if quiet else "INFO",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        # A loaded machine starts the first server slowly.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        # Leases in memory are lost, and their slots with them, when the server restarts.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
    }.items():
        os.environ.setdefault(name, value)
