"""Associations with a DICOM node, and the film that comes over one that asked for it (C-GET)."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product

from pydicom.uid import UID
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, build_context

from flows.arrivals import DropFolder
from flows.arrivals.receiver import SOP_CLASSES, TRANSFER_SYNTAXES, as_file
from flows.dicom_node import OWN_TITLE, Node
from flows.errors import FilmNotGiven, NotKept, PacsError
from flows.pacs.pacs import Instance, keep
from flows.pacs.patience import NoAnswer

_CONNECTING = 10.0  # seconds
_SUCCESS, _OUT_OF_RESOURCES, _CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000


@dataclass(frozen=True)
class Calling:
    """How a node is called: our AE title, its TLS, and to whom it shall send films.

    ``move_to`` is the AE title of our receiver, to which the node sends by C-MOVE; None for C-GET,
    by which films come over the association that asks for them. ``tls`` is None for none.
    """

    own_title: str = OWN_TITLE
    move_to: str | None = None
    tls: ssl.SSLContext | None = None


@dataclass
class ArrivingFilm:
    """A film that was asked for: kept as it arrives, before the node is told that it did.

    ``problem`` is why it could not be, if it could not.
    """

    instance: Instance
    folder: DropFolder
    is_kept: bool = False
    problem: FilmNotGiven | NotKept | None = None

    def store(self, event: Event) -> int:
        """Keep the film, and return the status that the node is told."""
        try:
            keep(self.instance, as_file(event), self.folder)
        except NotKept as error:
            self.problem = error
            return _OUT_OF_RESOURCES
        except FilmNotGiven as error:
            self.problem = error
            return _CANNOT_UNDERSTAND
        self.is_kept = True
        return _SUCCESS


class Caller:
    """Opens associations with a node, whose answers may take so many seconds."""

    def __init__(self, node: Node, calling: Calling, answer_seconds: float) -> None:
        self._node = node
        self._tls = None if calling.tls is None else (calling.tls, node.host)
        self._entity = AE(calling.own_title)
        self._entity.connection_timeout = _CONNECTING
        self._entity.acse_timeout = self._entity.dimse_timeout = answer_seconds
        self._entity.network_timeout = answer_seconds

    @contextmanager
    def associated(
        self, sop_class: UID, arriving: ArrivingFilm | None = None
    ) -> Iterator[Association]:
        """Associate for one service; with an arriving film, to take that over this association.

        Raises
        ------
        NoAnswer
            The node does not answer, refuses, or closes the association before the next question.
        PacsError
            It does not offer the service.
        """
        association = self._associate(sop_class, arriving)
        self._check(association, sop_class)
        try:
            yield association
        except RuntimeError:  # no question can be asked any more
            if association.is_established:
                raise
            raise self.no_answer("closed the association") from None
        finally:
            if association.is_established:
                association.release()

    def _associate(self, sop_class: UID, arriving: ArrivingFilm | None) -> Association:
        try:
            return self._entity.associate(
                self._node.host,
                self._node.port,
                ae_title=self._node.title,
                contexts=[build_context(sop_class), *(_FILM_CONTEXTS if arriving else ())],
                ext_neg=[build_role(film, scp_role=True) for film in SOP_CLASSES if arriving],
                tls_args=self._tls,
                evt_handlers=[
                    (evt.EVT_CONN_OPEN, _send_at_once),
                    (evt.EVT_ABORTED, _stop_receiving),
                    *([(evt.EVT_C_STORE, arriving.store)] if arriving else []),
                ],
            )
        except (OSError, UnicodeError):  # the name of its host has no address, or cannot have one
            raise self.no_answer("does not answer: is its host known here?") from None

    def _check(self, association: Association, sop_class: UID) -> None:
        if association.is_rejected:
            raise self.no_answer("refuses the association: it must know our AE title")
        if sop_class in {context.abstract_syntax for context in association.rejected_contexts}:
            association.abort()
            raise PacsError(f"the PACS {self._node} does not offer {sop_class.name}")
        if not association.is_established:
            raise self.no_answer("does not answer")

    def no_answer(self, what: str) -> NoAnswer:
        """Return the error that the node does something else than to answer."""
        return NoAnswer(f"the PACS {self._node} {what}")


def _send_at_once(event: Event) -> None:
    """Let the second part of a question not wait until the node has acknowledged the first."""
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _stop_receiving(event: Event) -> None:
    """Let no message that trickles in keep an association whose time is up.

    pynetdicom waits for the thread that reads it, which waits for the rest of the message.
    """
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        with suppress(OSError):  # it is closed
            # Not `SSLSocket.shutdown`, which also drops the encryption that the thread uses.
            socket.socket.shutdown(connection.socket, socket.SHUT_RD)


# One syntax in each, so that the node need not change a film into another that it chose before.
_FILM_CONTEXTS: Sequence[PresentationContext] = tuple(
    build_context(film, syntax) for film, syntax in product(SOP_CLASSES, TRANSFER_SYNTAXES)
)
