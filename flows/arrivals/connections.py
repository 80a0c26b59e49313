"""Connections of DICOM senders: who may open one, how many, for how long, and how much they send.

pynetdicom bounds none of this before an association is negotiated: it would read a message of any
length into memory, wait for the rest of it for ever, and let one silent TLS client keep all others
waiting.
"""

import errno
import math
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from socketserver import BaseServer

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.events import EventHandlerType
from pynetdicom.transport import ThreadedAssociationServer

_SILENT_SECONDS = 30.0  # that a connection may stay silent inside a message
_NEGOTIATING_SECONDS = 60.0  # in which an association must be established, however it trickles in
_FULL_SECONDS = 60.0  # between two lines that say that no connection more is taken
_LARGEST_REQUEST = 2**20  # bytes; 128 presentation contexts with all syntaxes are 60 kB
_WAITING_MESSAGES = 1  # a sender waits for each answer, as no other window is negotiated

_Request = socket.socket | tuple[bytes, socket.socket]
_Address = tuple[str, int] | str


class MeteredSocket(socket.socket):
    """A connection that fails once more arrives than there is room for."""

    room = _LARGEST_REQUEST
    begun: float | None = None  # until its association is established

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive as `socket.socket` does, within the room that is left."""
        return _metered(self, super().recv(size, flags))


class MeteredTlsSocket(ssl.SSLSocket):
    """The same over TLS."""

    room = _LARGEST_REQUEST
    begun: float | None = None  # until its association is established

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive as `ssl.SSLSocket` does, within the room that is left."""
        return _metered(self, super().recv(buflen, flags))


_Metered = MeteredSocket | MeteredTlsSocket


def _metered(connection: _Metered, received: bytes) -> bytes:
    connection.room -= len(received)
    if connection.room < 0:
        raise OSError(errno.EMSGSIZE, "the message is larger than the limit")
    return received


def make_room(association: Association, size: int) -> None:
    """Let an association's next message have this size, in bytes.

    None at all, and the connection ends, where messages wait that the sender had no right to send.
    """
    transport = association.dul.socket
    connection = transport.socket if transport else None
    if isinstance(connection, _Metered):
        connection.begun = None
        is_flooded = association.dimse.msg_queue.qsize() > _WAITING_MESSAGES
        connection.room = 0 if is_flooded else size


def end_waiting(association: Association) -> None:
    """Let go of an association whose connection was closed before it was asked for.

    It would count as one that is served until its time is up: a monitor that looks every few
    seconds whether the port is open would leave no room for senders.
    """
    if association.requestor.primitive is None:
        association.dul.to_user_queue.put(None)  # type: ignore[arg-type] # as when its time is up


@dataclass(frozen=True)
class Admission:
    """Whose connections are taken, and how many at once. No networks mean any address.

    ``full`` is told the address that has all of ``most_from_one``, or None if all are taken.
    """

    networks: tuple[IPv4Network | IPv6Network, ...]
    most_connections: int
    most_from_one: int | None
    refused: Callable[[str], object] = field(compare=False)
    full: Callable[[str | None], object] = field(compare=False)

    def admits(self, address: str) -> bool:
        """Whether connections from an address are taken."""
        peer = ip_address(address.partition("%")[0])
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped:
            peer = peer.ipv4_mapped
        return not self.networks or any(peer in network for network in self.networks)


class AdmittingServer(ThreadedAssociationServer):
    """A server of associations that admits some connections, and meters what they send.

    ``alive`` is called about twice a second while it accepts connections.
    """

    daemon_threads = True
    request_queue_size = 32

    def __init__(
        self,
        entity: AE,
        address: tuple[str, int],
        *,
        admission: Admission,
        tls: ssl.SSLContext | None,
        handlers: list[EventHandlerType],
    ) -> None:
        self.alive: Callable[[], object] = lambda: None
        self._admission = admission
        self._open: dict[_Metered, str] = {}  # and the address of each
        self._told_full = -math.inf
        contexts = entity.supported_contexts
        super().__init__(entity, address, entity.ae_title, contexts, tls, handlers)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection. The handshake of TLS is left to the thread that serves it."""
        if self.socket is None:
            raise OSError(errno.EBADF, "the server is closed")
        accepted, address = self.socket.accept()
        connection: socket.socket = MeteredSocket(
            accepted.family, accepted.type, accepted.proto, fileno=accepted.detach()
        )
        if self.ssl_context:
            connection = self.ssl_context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        connection.settimeout(_SILENT_SECONDS)
        return connection, address

    def verify_request(self, request: _Request, client_address: _Address) -> bool:
        """Whether to serve a connection."""
        self._open = {each: whose for each, whose in self._open.items() if each.fileno() >= 0}
        address = client_address[0]
        if not self._admission.admits(address):
            self._admission.refused(address)
            return False
        if len(self._open) >= self._admission.most_connections:
            self._tell_full(None)
            return False
        if list(self._open.values()).count(address) == self._admission.most_from_one:
            self._tell_full(address)
            return False
        if isinstance(request, _Metered):
            request.begun = time.monotonic()
            self._open[request] = address
        return True

    def _tell_full(self, address: str | None) -> None:
        now = time.monotonic()
        if now - self._told_full >= _FULL_SECONDS:
            self._told_full = now
            self._admission.full(address)

    def finish_request(self, request: _Request, client_address: _Address) -> None:
        """Serve a connection, in a thread of its own."""
        if isinstance(request, ssl.SSLSocket):
            request.do_handshake()
        super().finish_request(request, client_address)

    def handle_error(self, request: _Request, client_address: _Address) -> None:
        """Stay silent about a connection that failed: what it sent may be anything."""

    def service_actions(self) -> None:
        """Hang up on those that take too long; tell whoever watches that others are accepted."""
        super().service_actions()
        latest = time.monotonic() - _NEGOTIATING_SECONDS
        self._hang_up([each for each in self._open if each.begun and each.begun < latest])
        self.alive()

    def stop(self) -> None:
        """End `serve_forever`, which another thread is in.

        Not `shutdown`, which would take it off a list of its entity that it is not on.
        """
        BaseServer.shutdown(self)

    def close(self) -> None:
        """Stop listening, and end all connections; what is half-received is not answered."""
        self.server_close()
        self._hang_up(self._open)

    def _hang_up(self, connections: Iterable[_Metered]) -> None:
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed, or was never open
