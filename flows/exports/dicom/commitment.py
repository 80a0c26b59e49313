"""Storage commitment: a node promises to keep what it was sent (DICOM PS3.4, annex J)."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from flows.dicom_node import Node
from flows.errors import UsageError
from flows.exports.dicom.sending import Association

_ANSWERING = 60.0  # seconds; what is promised later is sent and asked for again
_SUCCESS = 0x0000


@dataclass(frozen=True)
class Reference:
    """An instance by its SOP class and its own UID."""

    sop_class: str
    uid: str

    def dataset(self) -> Dataset:
        """Return an item of a Referenced SOP Sequence."""
        item = Dataset()
        item.ReferencedSOPClassUID = self.sop_class
        item.ReferencedSOPInstanceUID = self.uid
        return item


@dataclass(frozen=True)
class Promises:
    """Asks a node for its promise; the answers come by another connection, or by the same one."""

    _reports: SimpleQueue[Dataset] = field(default_factory=SimpleQueue)

    def hear(self, event: evt.Event) -> tuple[int, None]:
        """Take a report of a node (N-EVENT-REPORT)."""
        self._reports.put(event.event_information)
        return _SUCCESS, None

    def ask(self, association: Association, instances: Sequence[Reference]) -> frozenset[str]:
        """Return the UIDs of those instances that the node promises to keep.

        Raises
        ------
        SendingError
            The node does not take the question.
        """
        question = Dataset()
        question.TransactionUID = generate_uid(prefix=None)
        question.ReferencedSOPSequence = [each.dataset() for each in instances]
        association.ask_to_keep(question)
        return self._answer(question.TransactionUID)

    def _answer(self, transaction: str) -> frozenset[str]:
        deadline = time.monotonic() + _ANSWERING
        while (left := deadline - time.monotonic()) > 0:
            try:
                report = self._reports.get(timeout=left)
            except Empty:
                break
            if report.get("TransactionUID") == transaction:
                kept = report.get("ReferencedSOPSequence", [])
                return frozenset(str(each.ReferencedSOPInstanceUID) for each in kept)
        return frozenset()


@contextmanager
def listening(own: Node) -> Iterator[Promises]:
    """Listen at an address of ours, which the node knows, until the context ends.

    Raises
    ------
    UsageError
        The address cannot be used.
    """
    promises = Promises()
    entity = AE(own.title)
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    try:
        entity.start_server(
            (own.host, own.port),
            block=False,
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, promises.hear)],
        )
    except OSError as error:
        raise UsageError(f"{own.host}:{own.port} cannot be used: {error.strerror}") from error
    try:
        yield promises
    finally:
        entity.shutdown()
