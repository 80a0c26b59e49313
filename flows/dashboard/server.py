"""The server of the dashboard, in the foreground or beside what else a process does."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from flows.dashboard.app import create_app
from flows.errors import UsageError
from flows.resources import Resources

_HOST = "127.0.0.1"  # other machines see nothing


def serve(resources: Resources, *, announce: Callable[[str], object]) -> None:
    """Serve the dashboard until the process is interrupted or told to end.

    Parameters
    ----------
    announce
        Is called with the address once the port is taken.

    Raises
    ------
    UsageError
        The port cannot be used.
    """
    with _listening(resources.settings.dashboard_port) as listener:
        announce(_address(listener))
        _server(resources).run(sockets=[listener])


@contextmanager
def serving(resources: Resources) -> Iterator[str]:
    """Serve the dashboard from a thread until the context ends; the value is its address.

    Raises
    ------
    UsageError
        The port cannot be used.
    """
    with _listening(resources.settings.dashboard_port) as listener:
        server = _server(resources)
        thread = Thread(target=server.run, args=([listener],), name="dashboard", daemon=True)
        thread.start()
        try:
            yield _address(listener)
        finally:
            server.should_exit = True
            thread.join()


def _server(resources: Resources) -> uvicorn.Server:
    """Return a server that logs no address that is asked for: it may name a patient's key."""
    config = uvicorn.Config(
        create_app(resources),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=5,  # seconds
    )
    return uvicorn.Server(config)


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """Take a port, any free one for 0; requests wait there until the server runs."""
    try:
        listener = socket.create_server((_HOST, port))
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used ({error.strerror}): choose another with --port or "
            "SEVERITY_DASHBOARD_PORT"
        ) from error
    with listener:
        yield listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"http://{host}:{port}"
