"""A Prefect server of our own, on this machine alone: with a password, and never orphaned."""

import asyncio
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread

from flows.errors import ServerError
from flows.orchestration.naming import TAG
from flows.orchestration.reaching import check_server

_HOST = "127.0.0.1"
_START_SECONDS = 120  # a loaded machine starts the first server slowly
_STOP_SECONDS = 10
_RESTART_SECONDS = 2
_SMALLEST_FREE_BYTES = 20_000_000  # its database takes 10 MB at first

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrefectAddress:
    """Where a Prefect server is, and the user name and password that it asks for."""

    origin: str
    credentials: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the server's clients."""
        return {
            "PREFECT_API_URL": f"{self.origin}/api",
            "PREFECT_API_AUTH_STRING": self.credentials,
        }


def new_credentials() -> str:
    """Return a user name and a random password, as Prefect joins them."""
    return f"severity:{secrets.token_urlsafe(24)}"


@contextmanager
def prefect_api() -> Iterator[None]:
    """Provide Prefect's API: of the server that the settings name, else of a temporary one.

    Raises
    ------
    ServerError
        The server that the settings name cannot be used, or the temporary one does not start.
    """
    if _api_is_set():
        check_server()
        yield
        return
    with (
        running_server(new_credentials(), {"PREFECT_SERVER_UI_ENABLED": "false"}) as address,
        _clients_use(address),
    ):
        yield


@asynccontextmanager
async def calling_flows() -> AsyncIterator[None]:
    """Provide Prefect's API to flows that are called here: their runs are marked as ours."""
    with prefect_api():
        from prefect import tags  # noqa: PLC0415 - takes a second

        try:
            with tags(TAG):
                yield
        finally:
            await send_logs()


async def send_logs() -> None:
    """Wait until Prefect has sent its logs: it complains if their server ends before."""
    from prefect.logging.handlers import APILogHandler  # noqa: PLC0415 - takes a second

    with suppress(TimeoutError):
        await asyncio.wait_for(APILogHandler.aflush(), _STOP_SECONDS)


@contextmanager
def running_server(
    credentials: str,
    variables: Mapping[str, str],
    *,
    port: int = 0,
    ended: Callable[[], object] | None = None,
) -> Iterator[PrefectAddress]:
    """Run a server until the context ends; if its process ends before, start it again.

    Parameters
    ----------
    credentials
        The user name and password that it asks for.
    variables
        Further environment of the server.
    port
        The port; a free one if it is 0.
    ended
        Called, in a thread, if the process ends before the context: it is not started again then.

    Raises
    ------
    ServerError
        The port is taken, or the server does not start.
    """
    with _listening(port) as listener:
        address = PrefectAddress(f"http://{_HOST}:{listener.getsockname()[1]}", credentials)
        # The site's own variables win, but for the password: clients of ours must know it.
        environment = {
            **variables,
            **os.environ,
            **address.variables,
            "PREFECT_SERVER_API_AUTH_STRING": credentials,
        }
        server = _Server(listener, environment)
        try:
            server.await_health(address)
            server.watch(ended)
            yield address
        finally:
            server.stop()


class _Server:
    """A server's process; the socket stays open while it is replaced, so that clients wait.

    What it writes goes to a file in Prefect's folder: on a terminal nobody reads its tracebacks.
    """

    def __init__(self, listener: socket.socket, environment: dict[str, str]) -> None:
        self._listener = listener
        self._environment = environment
        self._log = Path(environment["PREFECT_HOME"]) / "server.log"
        self._stopping = Event()
        self._process = self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        descriptor = self._listener.fileno()
        self._log.unlink(missing_ok=True)
        # Appending, so that its beginning can be cut off while the server writes.
        with self._log.open("a") as log:
            return subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", "flows.orchestration.server_process", str(descriptor)],
                stdin=subprocess.PIPE,  # its end tells the server that this process is gone
                stdout=log,
                stderr=log,
                env=self._environment,
                pass_fds=[descriptor],
                start_new_session=True,  # Ctrl-C is the parent's to answer
            )

    def await_health(self, address: PrefectAddress) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ServerError(f"the Prefect server does not start: {self._why_it_ended()}")
            with suppress(OSError):
                # Not httpx: a pass that finds nothing imports this module, and starts no server.
                urllib.request.urlopen(f"{address.origin}/api/health", timeout=5).close()  # noqa: S310
                return
            time.sleep(0.1)
        raise ServerError(f"the Prefect server did not answer within {_START_SECONDS} s")

    def _why_it_ended(self) -> str:
        folder = self._log.parent
        free = shutil.disk_usage(folder).free
        if free < _SMALLEST_FREE_BYTES:
            return (
                f"the disk of {folder} is full, with {free / 1e6:.0f} MB free; "
                f"it needs {_SMALLEST_FREE_BYTES / 1e6:.0f} MB"
            )
        return f"its exit code was {self._process.returncode}, and its own reason is in {self._log}"

    def watch(self, ended: Callable[[], object] | None) -> None:
        target = partial(self._tell_when_it_ends, ended) if ended else self._replace_when_it_ends
        Thread(target=target, name="prefect-server", daemon=True).start()

    def _tell_when_it_ends(self, ended: Callable[[], object]) -> None:
        self._process.wait()
        if not self._stopping.is_set():
            ended()

    def _replace_when_it_ends(self) -> None:
        while True:
            code = self._process.wait()
            if self._stopping.wait(_RESTART_SECONDS):
                return
            _log.warning("the Prefect server ended with exit code %d; it is started again", code)
            with suppress(OSError):  # a full disk, or no memory: it is tried again
                self._process = self._started()

    def stop(self) -> None:
        self._stopping.set()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.communicate()  # closes the pipe as well


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """Listen before there is a server: a port that is taken is known at once and for certain."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            raise ServerError(
                f"port {port} cannot be used ({error.strerror}): set SEVERITY_PREFECT_PORT to a "
                "free port, or PREFECT_API_URL to the Prefect server that runs"
            ) from error
        listener.listen(128)
        yield listener


def _api_is_set() -> bool:
    """Return whether the environment names a server, or Prefect's settings in this process do."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    if "prefect" not in sys.modules:
        return False
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - takes a second

    return bool(PREFECT_API_URL.value())


@contextmanager
def _clients_use(address: PrefectAddress) -> Iterator[None]:
    """Let Prefect in this process use a server, whether or not it was imported before."""
    from prefect.settings import (  # noqa: PLC0415 - takes a second
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        temporary_settings,
    )

    variables = address.variables
    os.environ.update(variables)  # for the threads that Prefect starts
    try:
        with temporary_settings(
            {
                PREFECT_API_URL: variables["PREFECT_API_URL"],
                PREFECT_API_AUTH_STRING: variables["PREFECT_API_AUTH_STRING"],
            }
        ):
            yield
    finally:
        for name in variables:
            os.environ.pop(name, None)
