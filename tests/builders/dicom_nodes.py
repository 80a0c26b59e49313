"""DICOM nodes on this machine: one of pynetdicom, dcmtk's, and the archive Orthanc."""

import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import httpx
import pytest
from pydicom import Dataset
from pydicom.uid import UID, Comprehensive3DSRStorage, SecondaryCaptureImageStorage
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from flows.dicom_node import Node
from tests.builders.certificates import certificate
from tests.builders.network_namespaces import relay_from
from tests.builders.ports import free_ports

PATIENCE_SECONDS = 60
_STORED = (Comprehensive3DSRStorage, SecondaryCaptureImageStorage)
ORTHANC_HTTP, ORTHANC_DICOM = 8042, 4242  # of a network of its own
ORTHANC_USER = ("severity", "a password of the tests")
RECEIVER, ORTHANC_SENDS_TO = "CXRSEVERITY", 11112
DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")  # orthanc-dicomweb


@dataclass
class Received:
    """What a node has stored, and the associations that it has open."""

    instances: list[Dataset] = field(default_factory=list)
    entity: AE = field(default_factory=AE)

    def close_all(self) -> None:
        """Abort all associations."""
        for association in self.entity.active_associations:
            association.abort()


@contextmanager
def node(
    *sop_classes: str, status: int = 0, title: str = "NODE", port: int = 0
) -> Iterator[tuple[Node, Received]]:
    """A node that takes these SOP classes, answers with a status and keeps what it was sent."""
    entity = AE(title)
    received = Received(entity=entity)

    def store(event: evt.Event) -> int:
        received.instances.append(event.dataset)
        return status

    entity.require_called_aet = True
    for sop_class in sop_classes:
        entity.add_supported_context(UID(sop_class))
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    try:
        yield Node(title, "127.0.0.1", server.server_address[1]), received
    finally:
        server.shutdown()


@contextmanager
def committing_node(*, keeps: int, answers_to: Node | None) -> Iterator[tuple[Node, Received]]:
    """A node that promises to keep the first so many instances that it is asked for at once."""
    entity = AE("NODE")
    received = Received(entity=entity)

    def store(event: evt.Event) -> int:
        received.instances.append(event.dataset)
        return 0

    def promise(event: evt.Event) -> tuple[int, None]:
        asked = event.action_information
        answer = Dataset()
        answer.TransactionUID = asked.TransactionUID
        answer.ReferencedSOPSequence = asked.ReferencedSOPSequence[:keeps]
        answer.FailedSOPSequence = asked.ReferencedSOPSequence[keeps:]
        for each in answer.FailedSOPSequence:
            each.FailureReason = 0x0112  # no such object instance
        Thread(target=report, args=(event.assoc, answer), daemon=True).start()
        return 0, None

    def report(asking: Association, answer: Dataset) -> None:
        kind = 2 if answer.FailedSOPSequence else 1
        names = (kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
        if answers_to is None:
            time.sleep(0.2)  # until the question is answered
            asking.send_n_event_report(answer, *names)
            return
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        caller = AE("NODE")
        caller.add_requested_context(StorageCommitmentPushModel)
        calling = caller.associate(
            answers_to.host, answers_to.port, ae_title=answers_to.title, ext_neg=[role]
        )
        calling.send_n_event_report(answer, *names)
        calling.release()

    for sop_class in (*_STORED, StorageCommitmentPushModel):
        entity.add_supported_context(sop_class)
    handlers = [(evt.EVT_C_STORE, store), (evt.EVT_N_ACTION, promise)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield Node("NODE", "127.0.0.1", server.server_address[1]), received
    finally:
        server.shutdown()


@contextmanager
def dcmtk_node(folder: Path) -> Iterator[Node]:
    """dcmtk's storescp, which writes what it is sent into a folder."""
    program = shutil.which("storescp")
    if program is None:
        pytest.skip("storescp, of Debian's dcmtk, is not installed")
    (port,) = free_ports(1)
    command = [program, "--fork", "--aetitle", "DCMTK", "--output-directory", folder, str(port)]
    with _running(command):
        yield Node("DCMTK", "127.0.0.1", port)


@contextmanager
def _running(command: list[str | Path]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)


@dataclass(frozen=True)
class Orthanc:
    """A running archive, in a network of its own: Debian's listens on every address.

    ``http_port`` and ``dicom_port`` lead to it from this network.
    """

    process: "subprocess.Popen[bytes]"
    certificate: Path
    http_port: int = 0
    dicom_port: int = 0

    @property
    def dicomweb(self) -> str:
        return f"https://127.0.0.1:{self.http_port}/dicom-web"

    @property
    def node(self) -> Node:
        return Node("ORTHANC", "127.0.0.1", self.dicom_port)

    def ask(self, path: str) -> object:
        """Ask its REST interface; None while it does not answer."""
        with suppress(httpx.TransportError), self.client() as client:
            response = client.get(path)
            return response.json() if response.is_success else None
        return None

    def store(self, *files: bytes) -> None:
        """Store films."""
        with self.client() as client:
            for file in files:
                assert client.post("/instances", content=file).is_success

    def remove(self, *image_uids: str) -> None:
        """Delete films; all of them, where none is named."""
        with self.client() as client:
            for instance in client.get("/instances?expand").json():
                if not image_uids or instance["MainDicomTags"]["SOPInstanceUID"] in image_uids:
                    client.delete(f"/instances/{instance['ID']}")

    def network(self, *, is_up: bool) -> None:
        """Cut its network, or bring it up again."""
        entered = ["nsenter", "-t", str(self.process.pid), "-n"]
        state = "up" if is_up else "down"
        subprocess.run([*entered, "ip", "link", "set", "lo", state], check=True)

    def client(self) -> httpx.Client:
        trust = ssl.create_default_context(cafile=self.certificate)
        address = f"https://127.0.0.1:{self.http_port}"
        return httpx.Client(base_url=address, auth=ORTHANC_USER, verify=trust)


@contextmanager
def orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start Orthanc with an empty store, which is asked by HTTPS with a password.

    The TLS is the relay's: Debian's Orthanc 1.10.1 dies of the first request by its own.
    """
    missing = [name for name in ("Orthanc", "openssl", "ip", "nsenter") if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian: orthanc, openssl, iproute2)")
    own_network = ["unshare", "-n", "ip", "link", "set", "lo", "up"]
    if subprocess.run(own_network, capture_output=True, check=False).returncode:
        pytest.skip("no right to a network of its own for Orthanc, which listens on all addresses")
    proof = certificate(folder)
    (folder / "orthanc.json").write_text(json.dumps(_orthanc_settings(folder)))
    script = f"ip link set lo up && exec Orthanc {folder / 'orthanc.json'}"
    with ExitStack() as stack:
        process = stack.enter_context(_running(["unshare", "-n", "sh", "-c", script]))
        _await_network(process.pid)
        web = stack.enter_context(relay_from(process.pid, ORTHANC_HTTP, certificate=proof))
        dicom = stack.enter_context(relay_from(process.pid, ORTHANC_DICOM))
        archive = Orthanc(process, proof, web, dicom)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while archive.ask("/system") is None:
            assert time.monotonic() < deadline, "Orthanc does not answer"
            time.sleep(0.05)
        yield archive


def _await_network(process: int) -> None:
    """Wait until a process is in a network of its own."""
    ours, deadline = Path("/proc/self/ns/net").readlink(), time.monotonic() + PATIENCE_SECONDS
    while Path(f"/proc/{process}/ns/net").readlink() == ours:
        assert time.monotonic() < deadline, "there is no network of its own"
        time.sleep(0.01)


def _orthanc_settings(folder: Path) -> dict[str, object]:
    name, password = ORTHANC_USER
    return {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "DicomAet": "ORTHANC",
        "DicomPort": ORTHANC_DICOM,
        "HttpPort": ORTHANC_HTTP,
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {name: password},
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"receiver": [RECEIVER, "127.0.0.1", ORTHANC_SENDS_TO]},
        "Plugins": [str(plugin) for plugin in [DICOMWEB_PLUGIN] if plugin.exists()],
    }
