"""Networks of their own: sockets that are opened in another one, and relays from there to here."""

import asyncio
import ctypes
import os
import socket
import ssl
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
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
    """Relay what comes, in one thread: no two may use one connection of OpenSSL's at once."""
    ended = threading.Event()
    relays = set[asyncio.Task[None]]()  # of which the loop itself keeps no hold

    async def relay(caller: StreamReader, to_caller: StreamWriter) -> None:
        with suppress(OSError), closing(to_caller):
            answering = await asyncio.to_thread(connect)
            answers, to_answering = await asyncio.open_connection(sock=answering)
            with closing(to_answering):
                await asyncio.gather(_copy(caller, to_answering), _copy(answers, to_caller))

    def begin(caller: StreamReader, to_caller: StreamWriter) -> None:
        task = asyncio.create_task(relay(caller, to_caller))
        relays.add(task)
        task.add_done_callback(relays.discard)

    async def relay_all() -> None:
        listening = await asyncio.start_server(begin, sock=server, ssl=tls)
        await asyncio.to_thread(ended.wait)
        listening.close()

    relaying = threading.Thread(target=asyncio.run, args=(relay_all(),), daemon=True)
    relaying.start()
    try:
        yield
    finally:
        ended.set()
        relaying.join()


async def _copy(source: StreamReader, target: StreamWriter) -> None:
    while chunk := await source.read(_CHUNK):
        target.write(chunk)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
    else:  # TLS knows no half of an end
        target.close()
