"""Prefect's environment: quiet, private, in the project's own folder."""

import os
from pathlib import Path

from flows.home import private_folder, private_home

# A server, who may use it, and where it or its client keeps its state.
_OF_AN_INSTALLATION = (
    "PREFECT_API_",
    "PREFECT_HOME",
    "PREFECT_PROFILE",
    "PREFECT_SERVER_API_AUTH_STRING",
    "PREFECT_SERVER_DATABASE_",
)


def configure_prefect(home: Path, *, quiet: bool) -> Path:
    """Set the environment variables that Prefect reads when it is first imported.

    A variable that the site set itself stays as it is.

    Parameters
    ----------
    home
        The project's folder; Prefect keeps its own state below it.
    quiet
        Log warnings and errors only: the terminal shows a progress bar.

    Returns
    -------
    The folder of Prefect's own state.
    """
    folder = private_folder(private_home(home) / "prefect")
    for name, value in {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "WARNING" if quiet else "INFO",
        # Prefect's own temporary server has no password, and outlives a killed parent.
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    }.items():
        os.environ.setdefault(name, value)
    return folder


def leave_prefect_of_installation() -> None:
    """Take out of the environment which Prefect the installation uses, for a home of its own.

    Else the runs of a demonstration would be at the hospital's server, which restarts them.
    """
    for name in [name for name in os.environ if name.startswith(_OF_AN_INSTALLATION)]:
        del os.environ[name]
