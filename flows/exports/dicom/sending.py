"""Sending DICOM files to a node of the hospital's network, such as its archive: C-STORE."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from pydicom import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.association import Association as OpenAssociation
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)
from pynetdicom.status import code_to_category

from flows.dicom_node import OWN_TITLE, Node, checked_title
from flows.errors import SendingError

_CONNECTING, _ANSWERING = 10.0, 60.0  # seconds
_SENT = (Comprehensive3DSRStorage, SecondaryCaptureImageStorage)
_SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_STORED = {"Success", "Warning"}  # such as that it corrected the patient's name
_REQUEST_COMMITMENT = 1  # the action type
_KNOWN = 0x0111  # "Duplicate SOP Instance": the node has it already


class Association:
    """A connection to a node that takes reports and pages, opened and closed as a context.

    With ``hear``, which is given what the node reports, it can be asked to keep what it was sent.
    """

    def __init__(
        self,
        node: Node,
        *,
        own_title: str = OWN_TITLE,
        hear: Callable[[evt.Event], tuple[int, None]] | None = None,
    ) -> None:
        self._node = node
        self._entity = AE(checked_title(own_title))
        self._entity.connection_timeout = _CONNECTING
        self._entity.acse_timeout = self._entity.dimse_timeout = _ANSWERING
        self._entity.network_timeout = None  # between two files, as films are read again meanwhile
        for sop_class in _SENT:
            self._entity.add_requested_context(sop_class, _SYNTAXES)
        if hear is not None:
            self._entity.add_requested_context(StorageCommitmentPushModel, _SYNTAXES)
        self._handlers = [] if hear is None else [(evt.EVT_N_EVENT_REPORT, hear)]

    def __enter__(self) -> Self:
        """Connect.

        Raises
        ------
        SendingError
            The node does not answer, or refuses.
        """
        self._open = self._connected()
        return self

    def _connected(self) -> OpenAssociation:
        node = self._node
        try:
            association = self._entity.associate(
                node.host,
                node.port,
                ae_title=node.title,
                evt_handlers=self._handlers,  # type: ignore[arg-type]
            )
        except (OSError, UnicodeError) as error:  # the name of its host has no address
            raise SendingError(
                f"the DICOM node {node} does not answer: is its host known here?"
            ) from error
        if not association.is_established:
            refused = "refused the association" if association.is_rejected else "does not answer"
            raise SendingError(f"the DICOM node {node} {refused}")
        return association

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._open.is_established:
            self._open.release()

    def store(self, instance: Dataset) -> None:
        """Send one instance, and wait until the node says that it has stored it.

        A node that closed the association meanwhile, as some do after a pause, is connected again.

        Raises
        ------
        SendingError
            It has not; the message has the status, and nothing of the instance.
        """
        if not self._open.is_established:
            self._open = self._connected()
        try:
            status = self._open.send_c_store(instance).get("Status")
        except (ValueError, RuntimeError) as error:
            kind = "structured reports" if "ContentSequence" in instance else "secondary captures"
            closed = not self._open.is_established
            why = "closed the association" if closed else f"does not take {kind}"
            raise SendingError(f"the DICOM node {self._node} {why}") from error
        if status is None:
            raise SendingError(f"the DICOM node {self._node} gave no answer to a file")
        if status != _KNOWN and code_to_category(status) not in _STORED:
            raise SendingError(f"the DICOM node {self._node} refused a file: status 0x{status:04X}")

    def ask_to_keep(self, question: Dataset) -> None:
        """Ask for storage commitment (N-ACTION); the answer comes later.

        Raises
        ------
        SendingError
            The node does not take the question.
        """
        if not self._open.is_established:
            self._open = self._connected()
        try:
            answer, _ = self._open.send_n_action(
                question,
                _REQUEST_COMMITMENT,
                StorageCommitmentPushModel,
                StorageCommitmentPushModelInstance,
            )
        except (ValueError, RuntimeError) as error:
            raise SendingError(f"the DICOM node {self._node} offers no commitment") from error
        status = answer.get("Status")
        if status is None or code_to_category(status) not in _STORED:
            said = "gave no answer" if status is None else f"answered 0x{status:04X}"
            raise SendingError(f"the DICOM node {self._node} {said} when asked for commitment")
