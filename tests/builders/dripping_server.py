"""A server whose answer drips: a byte now and then, each in time, and never the last one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread

_PAUSE, _MOST_BYTES = 0.01, 1000  # seconds; an end, for who waits for ever


@dataclass(frozen=True)
class DrippingServer:
    """Where it is, and whether who asked hung up before the answer's end."""

    port: int
    hung_up: Event = field(default_factory=Event)


@contextmanager
def dripping(start: bytes) -> Iterator[DrippingServer]:
    """Answer every connection with these bytes at once, then with one space after the other."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(start)
            try:
                for _ in range(_MOST_BYTES):
                    self.wfile.write(b" ")
                    time.sleep(_PAUSE)
            except OSError:
                running.hung_up.set()

    with _Server(("127.0.0.1", 0), Handler) as server:
        running = DrippingServer(server.server_address[1])
        Thread(target=server.serve_forever, args=(_PAUSE,), daemon=True).start()
        try:
            yield running
        finally:
            server.shutdown()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
