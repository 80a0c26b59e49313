"""Sending DICOM files to a node of the hospital's network, such as its archive: C-STORE."""

import re
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pydicom import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE
from pynetdicom.association import Association as OpenAssociation
from pynetdicom.status import code_to_category

from flows.errors import SendingError, UsageError

OWN_TITLE = "CXRSEVERITY"
"""The application entity title by which a node knows this program."""

_A_TITLE = r"(?! *(@|$))[ -?A-\[\]-~]{1,16}"  # ASCII without @ and backslash, not blank alone
_TITLE = re.compile(_A_TITLE)
_NODE = re.compile(rf"(?P<title>{_A_TITLE})@(?P<host>[^\s@]+):(?P<port>[0-9]{{1,5}})")
_HIGHEST_PORT = 65535
_CONNECTING, _ANSWERING = 10.0, 60.0  # seconds
_SENT = (Comprehensive3DSRStorage, SecondaryCaptureImageStorage)
_SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_STORED = {"Success", "Warning"}  # such as that it corrected the patient's name
_KNOWN = 0x0111  # "Duplicate SOP Instance": the node has it already


@dataclass(frozen=True)
class Node:
    """A DICOM node: its application entity title, and where it listens."""

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Node":
        """Read ``AET@HOST:PORT``; an IPv6 address stands in brackets.

        Raises
        ------
        UsageError
            It is not like that.
        """
        match = _NODE.fullmatch(text)
        if match is None or not 0 < int(match["port"]) <= _HIGHEST_PORT:
            raise UsageError("a DICOM node is named like PACS@192.0.2.7:11112")
        return cls(match["title"].strip(), match["host"].strip("[]"), int(match["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.title}@{host}:{self.port}"


class Association:
    """A connection to a node that takes reports and pages, opened and closed as a context."""

    def __init__(self, node: Node, *, own_title: str = OWN_TITLE) -> None:
        if not _TITLE.fullmatch(own_title):
            raise UsageError("an AE title has 1 to 16 characters, without @ and backslash")
        self._node = node
        self._entity = AE(own_title)
        self._entity.connection_timeout = _CONNECTING
        self._entity.acse_timeout = self._entity.dimse_timeout = _ANSWERING
        self._entity.network_timeout = None  # between two files, as films are read again meanwhile
        for sop_class in _SENT:
            self._entity.add_requested_context(sop_class, _SYNTAXES)

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
        association = self._entity.associate(node.host, node.port, ae_title=node.title)
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
