"""The scheduled service: Prefect starts the flow at night, and at an interval if one is set."""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.deployments.own_server import credentials_file, own_server
from flows.errors import UsageError
from flows.home import locked, private_folder
from flows.models.availability import check_model
from flows.orchestration.environment import configure_prefect
from flows.resources import Resources
from flows.settings import Settings


def serve_sources(
    resources: Resources,
    *,
    announce: Callable[[str], object],
    quiet: bool = False,
    server_ended: Callable[[], object] | None = None,
) -> None:
    """Serve the scoring flow until the process is told to end.

    Parameters
    ----------
    announce
        Called with the address of Prefect's page, if the service starts a server of its own.
    quiet
        Log warnings and errors only.
    server_ended
        Called if that server ends by itself, instead of another start.

    Raises
    ------
    UsageError
        Another service uses the same home folder.
    """
    settings = resources.settings
    # Prefect's database and all else that the service and its passes write.
    os.umask(0o077)
    folder = configure_prefect(settings.home, quiet=quiet)
    with _only_service(settings.home):
        export_settings(settings)
        # Fail now, not at two in the morning.
        resources.open_database()
        check_model(settings)
        _keep_files_apart(folder)
        if os.environ.get("PREFECT_API_URL"):
            _serve(settings, own_server=False)
            return
        with own_server(folder, settings, ended=server_ended) as address:
            os.environ.update(address.variables)
            announce(
                f"Prefect's page is {address.origin}; its password is the line in "
                f"{credentials_file(folder)}"
            )
            _serve(settings, own_server=True)


def _serve(settings: Settings, *, own_server: bool) -> None:
    # Prefect reads its settings when it is first imported.
    from flows.deployments.service import (  # noqa: PLC0415
        forget_earlier_service,
        serve_schedule,
    )

    async def serve() -> None:
        if own_server:
            await forget_earlier_service(settings)
        await serve_schedule(settings)

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


def export_settings(settings: Settings) -> None:
    """Export the settings to the environment of the processes in which Prefect runs the flow.

    What the environment sets and the settings do not is taken out of it.
    """
    _take_out_what_is_unset(settings)
    for name in settings.model_fields_set - {"database_url", "pseudonym_key"}:
        value = getattr(settings, name)
        # Secrets and lists are no option of a command: they come from the environment.
        if name == "sources":
            os.environ["SEVERITY_SOURCES"] = json.dumps(
                settings.model_dump(mode="json", include={"sources"})["sources"]
            )
        elif isinstance(value, str | int | float | Path):
            os.environ[f"SEVERITY_{name.upper()}"] = str(value)


def _take_out_what_is_unset(settings: Settings) -> None:
    """Take out of the environment what a command unset, as for a home of its own."""
    unset = {
        "DATABASE_URL" if name == "database_url" else f"SEVERITY_{name.upper()}"
        for name in type(settings).model_fields
        if getattr(settings, name) in (None, "", ())
    }
    for variable in [name for name in os.environ if name.upper() in unset]:
        del os.environ[variable]
