"""Prefect's server in a process of its own: `python -m flows.orchestration.server_process N`.

N is the descriptor of the socket that its parent listens on. The server ends with its parent,
however that ends: it reads its standard input, a pipe of which the parent has the other end.
"""

import os
import socket
import sys
from threading import Thread

import uvicorn

_CLOSING_SECONDS = 3  # a page that is open must not delay the end
# Prefect's page contacts an analytics service before it has read that analytics are off.
_NOTHING_LEAVES = (
    "Content-Security-Policy",
    (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "worker-src 'self' blob:; frame-ancestors 'none'"
    ),
)


def main() -> None:
    """Serve Prefect's API, and its page if the environment asks for it."""
    os.umask(0o077)
    Thread(target=_end_with_parent, daemon=True).start()
    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        log_level="warning",
        timeout_graceful_shutdown=_CLOSING_SECONDS,
        headers=[_NOTHING_LEAVES],
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


def _end_with_parent() -> None:
    os.read(0, 1)  # nothing is ever written: it returns when the other end is closed
    os._exit(1)


if __name__ == "__main__":
    main()
