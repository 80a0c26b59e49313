"""The server of the dashboard, in the foreground or beside what else a process does."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from flows.dashboard.app import create_app
from flows.dashboard.security.guard import Guard
from flows.errors import UsageError
from flows.resources import Resources
from flows.settings import Settings


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
    server = _server(resources)
    with _listening(resources.settings) as listener:
        announce(_address(listener))
        server.run(sockets=[listener])


@contextmanager
def serving(resources: Resources, *, ended: Callable[[], object] | None = None) -> Iterator[str]:
    """Serve the dashboard from a thread until the context ends; the value is its address.

    Parameters
    ----------
    ended
        Called, in that thread, if the server ends before the context does.

    Raises
    ------
    UsageError
        The port cannot be used.
    """
    server = _server(resources)
    with _listening(resources.settings) as listener:

        def run() -> None:
            try:
                server.run([listener])
            finally:
                if ended and not server.should_exit:
                    ended()

        thread = Thread(target=run, name="dashboard", daemon=True)
        thread.start()
        try:
            yield _address(listener)
        finally:
            server.should_exit = True
            thread.join()


def free_port(settings: Settings) -> int:
    """Return the port that is set; 0, for any free one, if another program has it."""
    try:
        with _listening(settings):
            return settings.dashboard_port
    except UsageError:
        return 0


def _server(resources: Resources) -> uvicorn.Server:
    """Return a server that logs no address that is asked for: it may name a patient's key."""
    app = create_app(resources)
    config = uvicorn.Config(
        Guard(app, app.state.access),
        # Else whoever asks through a proxy could state another address than that of the proxy.
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=5,  # seconds
    )
    return uvicorn.Server(config)


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """Take the port, any free one for 0; requests wait there until the server runs."""
    host, port = settings.dashboard_host, settings.dashboard_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]  # where follows, once more
        raise UsageError(
            f"port {port} of {host} cannot be used ({why}): set "
            "SEVERITY_DASHBOARD_PORT to a free one, or SEVERITY_DASHBOARD_HOST to another address"
        ) from error
    with listener:
        # asyncio leaves it out, since this socket does not name its protocol: the end of a short
        # answer would wait 40 ms for the browser to acknowledge its beginning.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


def _address(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
