"""The scheduled service: Prefect starts the flow at night, and at an interval if one is set."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from flows.errors import ServerError
from flows.models.availability import check_model
from flows.resources import Resources

_START_SECONDS = 120


def serve_inbox(resources: Resources) -> None:
    """Serve the scoring flow until the process is told to end."""
    _export_settings(resources)
    # Fail now, not at two in the morning.
    resources.open_database()
    check_model(resources.settings)
    if "PREFECT_API_URL" in os.environ:
        _serve(resources)
        return
    with _own_server() as url:
        os.environ["PREFECT_API_URL"] = url
        _serve(resources)


def _serve(resources: Resources) -> None:
    # Prefect reads its settings when it is first imported.
    from prefect.client.schemas.objects import (  # noqa: PLC0415
        ConcurrencyLimitConfig,
        ConcurrencyLimitStrategy,
    )
    from prefect.schedules import Cron, Interval  # noqa: PLC0415

    from flows.scoring.flow import score_inbox  # noqa: PLC0415

    settings = resources.settings
    _keep_files_apart(settings.home)
    schedules = [Cron(settings.cron, timezone=settings.timezone)]
    if settings.poll_seconds is not None:
        schedules.append(Interval(timedelta(seconds=settings.poll_seconds)))
    score_inbox.serve(
        name="score-inbox",
        schedules=schedules,
        parameters={"inbox": settings.inbox},
        global_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        # A stop for an update must not leave the nights after it without a run.
        pause_on_shutdown=False,
    )


def _keep_files_apart(home: Path) -> None:
    """Let Prefect's runner keep its files below the home folder.

    By default it uses one folder among all temporary files, which belongs to its first user and
    shuts out the others. Set here and not in the environment: the processes that the runner
    starts must find the embedded server's lock where all others do.
    """
    folder = home / "prefect" / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)


def _export_settings(resources: Resources) -> None:
    """Export the settings to the environment of the processes in which Prefect runs the flow."""
    for name, value in resources.settings.model_dump(exclude_unset=True, mode="json").items():
        if name not in {"database_url", "pseudonym_key"} and value is not None:
            os.environ[f"SEVERITY_{name.upper()}"] = str(value)


@contextmanager
def _own_server() -> Iterator[str]:
    """Run a Prefect server on this machine alone, for as long as the service lasts."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
    server = subprocess.Popen([*command, "--port", str(port)])  # noqa: S603 - our own
    try:
        _await_health(server, url)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _await_health(server: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ServerError(f"the Prefect server ended with exit code {server.returncode}")
        try:
            if httpx.get(f"{url}/health", timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise ServerError(f"the Prefect server did not answer within {_START_SECONDS} s")
