"""The scheduled service: Prefect starts the flow at night, and at an interval if one is set."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from flows.errors import UsageError
from flows.home import locked, private_folder
from flows.models.availability import check_model
from flows.orchestration.environment import configure_prefect
from flows.orchestration.server import PrefectAddress, new_credentials, running_server
from flows.resources import Resources
from flows.settings import Settings


def serve_inbox(location: str, resources: Resources, *, announce: Callable[[str], None]) -> None:
    """Serve the scoring flow until the process is told to end.

    Parameters
    ----------
    location
        The inbox.
    announce
        Called with the address of Prefect's page, if the service starts a server of its own.

    Raises
    ------
    UsageError
        Another service uses the same home folder.
    """
    settings = resources.settings
    # Prefect's database and all else that the service and its passes write.
    os.umask(0o077)
    folder = configure_prefect(settings.home, quiet=False)
    with _only_service(settings.home):
        _export_settings(settings)
        # Fail now, not at two in the morning.
        resources.open_database()
        check_model(settings)
        _keep_files_apart(folder)
        if "PREFECT_API_URL" in os.environ:
            _serve(location, settings, own_server=False)
            return
        with _own_server(folder, settings) as address:
            os.environ.update(address.variables)
            announce(
                f"Prefect's page is {address.origin}; its password is the line in "
                f"{_credentials_file(folder)}"
            )
            _serve(location, settings, own_server=True)


def _serve(location: str, settings: Settings, *, own_server: bool) -> None:
    # Prefect reads its settings when it is first imported.
    from flows.deployments.service import (  # noqa: PLC0415
        forget_earlier_service,
        serve_schedule,
    )

    async def serve() -> None:
        if own_server:
            await forget_earlier_service(location)
        await serve_schedule(location, settings)

    asyncio.run(serve())


@contextmanager
def _only_service(home: Path) -> Iterator[None]:
    """Refuse a second service on one home: it would replace the first one's schedule."""
    with locked(home / "serve.lock") as free:
        if not free:
            raise UsageError(f"another `serve` uses {home}: end it, or set another SEVERITY_HOME")
        yield


def _keep_files_apart(folder: Path) -> None:
    """Let Prefect's runner keep its files below the home folder.

    By default it uses one folder among all temporary files, which belongs to its first user and
    shuts out the others. Set here and not in the environment: the processes that the runner
    starts must find the embedded server's lock where all others do.
    """
    tempfile.tempdir = str(private_folder(folder / "tmp"))


def _export_settings(settings: Settings) -> None:
    """Export the settings to the environment of the processes in which Prefect runs the flow."""
    for name, value in settings.model_dump(exclude_unset=True, mode="json").items():
        if name not in {"database_url", "pseudonym_key"} and value is not None:
            os.environ[f"SEVERITY_{name.upper()}"] = str(value)


@contextmanager
def _own_server(folder: Path, settings: Settings) -> Iterator[PrefectAddress]:
    """Run a Prefect server with its page, for as long as the service lasts."""
    retention = timedelta(days=settings.prefect_days)
    variables = {
        "PREFECT_SERVER_UI_API_URL": "/api",  # wherever the page itself comes from
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "page"),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # It would call each run that was due while nothing served late, before they are dropped.
        "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(retention.total_seconds()),
        # A third of the database, and events repeat what the runs tell.
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P1D",
    }
    credentials = _stored_credentials(_credentials_file(folder))
    with running_server(credentials, variables, port=settings.prefect_port) as address:
        yield address


def _credentials_file(folder: Path) -> Path:
    return folder / "password"


def _stored_credentials(path: Path) -> str:
    """Return the password of the page, which is made once; only its owner may read the file."""
    set_by_site = os.environ.get("PREFECT_SERVER_API_AUTH_STRING")
    if set_by_site:
        return set_by_site
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(new_credentials())
    return path.read_text().strip()
