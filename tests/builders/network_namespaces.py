"""Networks of their own: sockets that are opened in another one, and relays from there to here."""

import ctypes
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

_Result = TypeVar("_Result")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_CHUNK = 2**16
_LOCAL = "127.0.0.1"


def in_network(process: int, function: Callable[[], _Result]) -> _Result:
    """Call a function in the network of a process: in a thread, which alone enters it.

    A socket stays in the network in which it was opened.
    """
    results: list[_Result | BaseException] = []

    def call() -> None:
        try:
            network = os.open(Path(f"/proc/{process}/ns/net"), os.O_RDONLY)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(network, _NEW_NETWORK):
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(network)
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


@contextmanager
def relay_from(process: int, port: int, *, certificate: Path | None = None) -> Iterator[int]:
    """Let a port of this network lead to one in the network of a process; yield ours.

    With a certificate ours is reached by TLS, as behind a reverse proxy.
    """

    def connect() -> socket.socket:
        return in_network(process, lambda: socket.create_connection((_LOCAL, port)))

    server = socket.create_server((_LOCAL, 0))
    with _served(server, connect, None if certificate is None else _tls(certificate)):
        yield server.getsockname()[1]


@contextmanager
def relay_to(process: int, port: int, *, at: int) -> Iterator[None]:
    """Let a port in the network of a process lead to one of this network."""
    server = in_network(process, lambda: socket.create_server((_LOCAL, at)))
    with _served(server, lambda: socket.create_connection((_LOCAL, port))):
        yield


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def _served(
    server: socket.socket,
    connect: Callable[[], socket.socket],
    tls: ssl.SSLContext | None = None,
) -> Iterator[None]:
    def accept() -> None:
        with suppress(OSError):  # the server is shut down
            while True:
                caller, _ = server.accept()
                threading.Thread(target=_relay, args=(caller, connect, tls), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)  # or the thread that waits would keep it
        server.close()


def _relay(
    caller: socket.socket, connect: Callable[[], socket.socket], tls: ssl.SSLContext | None
) -> None:
    with suppress(OSError), caller, ExitStack() as stack:
        if tls is not None:
            caller = stack.enter_context(tls.wrap_socket(caller, server_side=True))
        answering = stack.enter_context(connect())
        back = threading.Thread(target=_copy, args=(answering, caller), daemon=True)
        back.start()
        _copy(caller, answering)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # one message in, one out
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
