"""The DICOM receiver: a storage SCP that answers success once a film is on disk and counted."""

import logging
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from threading import Lock, Thread
from typing import cast
from weakref import WeakKeyDictionary

from pydicom import uid
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import create_file_meta, encode_file_meta
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined] # made on import

from flows.arrivals.connections import (
    Admission,
    AdmittingServer,
    MeteredTlsSocket,
    end_waiting,
    make_room,
)
from flows.arrivals.receipts import Receipts
from flows.arrivals.writer import DropFolder
from flows.errors import NotKept, UsageError
from flows.settings import Settings

NAME = "cxr-severity.receiver"
log = logging.getLogger(NAME)

SOP_CLASSES = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    # Rejected when it is read, with its reason: a refused context would leave no trace here.
    uid.DigitalXRayImageStorageForProcessing,
    uid.SecondaryCaptureImageStorage,
)
# In the order of preference where a sender leaves the choice: nothing is encoded for us, least of
# all with losses.
TRANSFER_SYNTAXES = (
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
_SUCCESS, _OUT_OF_RESOURCES = 0x0000, 0xA700
_PDU_BYTES = 2**17  # eight times pynetdicom's: fewer turns of its loop for each film
_NEGOTIATING, _IDLE = 10.0, 60.0  # seconds
_STRANGERS = 1000  # addresses that are logged when they are refused
# The same for ever: another one would make other files of the same instances.
_IMPLEMENTATION = uid.UID("2.25.291397762564291478221624759509603635752")
_IMPLEMENTATION_NAME = "CXRSEVERITY"


@dataclass(eq=False)
class Receiver:
    """Takes films from DICOM senders into a drop folder, and answers for each of them."""

    settings: Settings
    folder: DropFolder
    receipts: Receipts
    _counts: WeakKeyDictionary[Association, Counter[str]] = field(
        default_factory=WeakKeyDictionary, init=False
    )
    _known_strangers: set[str] = field(default_factory=set, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    @contextmanager
    def listening(self) -> Iterator[AdmittingServer]:
        """Take the port; connections wait there until the server serves.

        Raises
        ------
        UsageError
            The port, or a certificate, cannot be used.
        """
        # Its own handlers describe each message, with what it says of a patient.
        _config.LOG_HANDLER_LEVEL = "none"
        host, port = self.settings.receiver_host, self.settings.receiver_port
        try:
            server = AdmittingServer(
                self._entity(),
                (host, port),
                admission=self._admission(),
                tls=_tls(self.settings),
                handlers=self._handlers(),
            )
        except OSError as error:
            raise UsageError(f"port {port} of {host} cannot be used: {error.strerror}") from error
        try:
            yield server
        finally:
            server.close()

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Serve from a thread until the context ends; the value is the port."""
        with self.listening() as server:
            thread = Thread(target=server.serve_forever, name="receiver", daemon=True)
            thread.start()
            try:
                yield server.server_address[1]
            finally:
                server.stop()
                thread.join()

    def _entity(self) -> AE:
        entity = AE(self.settings.receiver_title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(self.settings.receiver_callers)
        entity.maximum_associations = self.settings.receiver_associations
        entity.maximum_pdu_size = _PDU_BYTES
        entity.acse_timeout = _NEGOTIATING
        entity.dimse_timeout = entity.network_timeout = _IDLE
        entity.add_supported_context(Verification)
        for sop_class in SOP_CLASSES:
            entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
        return entity

    def _admission(self) -> Admission:
        return Admission(
            tuple(map(ip_network, self.settings.receiver_addresses)),
            # Those that are being negotiated, or refused, beside those that are served.
            2 * self.settings.receiver_associations,
            self.settings.receiver_most_from_one,
            self._refused,
            self._full,
        )

    def _handlers(self) -> list[evt.EventHandlerType]:
        return [
            (evt.EVT_ESTABLISHED, self._make_room),
            (evt.EVT_DIMSE_RECV, self._make_room),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]

    def _make_room(self, event: Event) -> None:
        make_room(event.assoc, self.settings.receiver_most_bytes)

    def _store(self, event: Event) -> int:
        """Keep one film; answer success only when it is on disk under its name, and counted."""
        instance = cast("C_STORE", event.request).AffectedSOPInstanceUID
        try:
            kept = self.folder.keep(str(instance), as_file(event))
            self.receipts.record(kept.key)
        except NotKept as error:
            log.warning("a film was refused: %s", error)
            self._count(event, "refused")
            return _OUT_OF_RESOURCES
        self._count(event, "kept" if kept.is_new else "known")
        return _SUCCESS

    def _count(self, event: Event, what: str) -> None:
        with self._lock:
            self._counts.setdefault(event.assoc, Counter())[what] += 1

    def _refused(self, address: str) -> None:
        """Log that an address is not let in; once, as monitors and scanners come back for ever."""
        if address not in self._known_strangers and len(self._known_strangers) < _STRANGERS:
            self._known_strangers.add(address)
            log.warning("connections from %s are refused: SEVERITY_RECEIVER_ADDRESSES", address)

    def _full(self, address: str | None) -> None:
        if address is None:
            log.warning("a connection was refused: as many as are taken at once are open")
        else:
            log.warning(
                "a connection from %s was refused: it has as many as one address may have "
                "(SEVERITY_RECEIVER_ASSOCIATIONS_EACH)",
                address,
            )

    def _rejected(self, event: Event) -> None:
        address = event.assoc.requestor.address
        log.warning("an association from %s was refused: its AE titles, or too many", address)

    def _closed(self, event: Event) -> None:
        end_waiting(event.assoc)
        with self._lock:
            counts = self._counts.pop(event.assoc, None)
        if counts:
            log.info(
                "%s sent films: %d kept, %d known, %d refused",
                event.assoc.requestor.address,
                *(counts[what] for what in ("kept", "known", "refused")),
            )


def as_file(event: Event) -> bytes:
    """Return an instance as a DICOM file, with the data set as it was sent, undecoded."""
    request = cast("C_STORE", event.request)
    meta = create_file_meta(
        sop_class_uid=cast("uid.UID", request.AffectedSOPClassUID),
        sop_instance_uid=cast("uid.UID", request.AffectedSOPInstanceUID),
        transfer_syntax=event.context.transfer_syntax,
        implementation_uid=_IMPLEMENTATION,
        implementation_version=_IMPLEMENTATION_NAME,
    )
    sent = event.encoded_dataset(include_meta=False)
    return b"".join((bytes(128), b"DICM", encode_file_meta(meta), sent))


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.receiver_certificate is None or settings.receiver_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = MeteredTlsSocket
    try:
        context.load_cert_chain(settings.receiver_certificate, settings.receiver_key)
        if settings.receiver_client_authority:
            context.load_verify_locations(settings.receiver_client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (ssl.SSLError, OSError) as error:
        raise UsageError(
            "SEVERITY_RECEIVER_CERTIFICATE, _KEY or _CLIENT_AUTHORITY cannot be used: "
            f"{error.strerror}"
        ) from error
    return context
