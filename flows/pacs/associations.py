"""Associations with a DICOM node, and the film that comes over one that asked for it (C-GET)."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import cast

from pydicom import uid
from pydicom.uid import UID
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import create_file_meta, encode_file_meta
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, build_context

from flows.arrivals import DropFolder
from flows.dicom_node import OWN_TITLE, Node
from flows.errors import FilmNotGiven, NotKept
from flows.pacs.pacs import Instance, keep
from flows.pacs.patience import NoAnswer

_CONNECTING = 10.0  # seconds
_SUCCESS, _OUT_OF_RESOURCES, _CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000
_FILMS = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    # Rejected when it is read, with its reason: a refused context would leave no trace here.
    uid.DigitalXRayImageStorageForProcessing,
    uid.SecondaryCaptureImageStorage,
)
_SYNTAXES = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.JPEGLosslessSV1,
    uid.JPEGLossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLSNearLossless,
    uid.JPEG2000,
    uid.HTJ2K,
)


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
            keep(self.instance, _as_file(event), self.folder)
        except NotKept as error:
            self.problem = error
            return _OUT_OF_RESOURCES
        except FilmNotGiven as error:
            self.problem = error
            return _CANNOT_UNDERSTAND
        self.is_kept = True
        return _SUCCESS


@dataclass(frozen=True)
class Caller:
    """Opens associations with a node."""

    node: Node
    calling: Calling
    answer_seconds: float
    _entity: AE = field(init=False, repr=False)

    def __post_init__(self) -> None:
        entity = AE(self.calling.own_title)
        entity.connection_timeout = _CONNECTING
        entity.acse_timeout = entity.dimse_timeout = self.answer_seconds
        entity.network_timeout = self.answer_seconds
        object.__setattr__(self, "_entity", entity)

    @contextmanager
    def associated(
        self, sop_class: UID, arriving: ArrivingFilm | None = None
    ) -> Iterator[Association]:
        """Associate for one service; with an arriving film, to take that over this association.

        Raises
        ------
        NoAnswer
            The node does not answer, or refuses.
        """
        node, tls = self.node, self.calling.tls
        association = self._entity.associate(
            node.host,
            node.port,
            ae_title=node.title,
            contexts=[build_context(sop_class), *(_FILM_CONTEXTS if arriving else ())],
            ext_neg=[build_role(each, scp_role=True) for each in _FILMS] if arriving else [],
            tls_args=None if tls is None else (tls, node.host),
            evt_handlers=[(evt.EVT_C_STORE, arriving.store)] if arriving else [],
        )
        if not association.is_established:
            refuses = "refuses the association" if association.is_rejected else "does not answer"
            raise self.no_answer(refuses)
        try:
            if not association.accepted_contexts:
                raise self.no_answer("offers no such service")
            yield association
        finally:
            if association.is_established:
                association.release()

    def no_answer(self, what: str) -> NoAnswer:
        """Return the error that the node does something else than to answer."""
        return NoAnswer(f"the PACS {self.node} {what}")


# One syntax in each, so that the node need not change a film into another that it chose before.
_FILM_CONTEXTS: Sequence[PresentationContext] = tuple(
    build_context(film, syntax) for film, syntax in product(_FILMS, _SYNTAXES)
)


def _as_file(event: Event) -> bytes:
    """Return an instance as a DICOM file, with the data set as it was sent, undecoded."""
    request = cast("C_STORE", event.request)
    meta = create_file_meta(
        sop_class_uid=cast("UID", request.AffectedSOPClassUID),
        sop_instance_uid=cast("UID", request.AffectedSOPInstanceUID),
        transfer_syntax=event.context.transfer_syntax,
    )
    sent = event.encoded_dataset(include_meta=False)
    return b"".join((bytes(128), b"DICM", encode_file_meta(meta), sent))
