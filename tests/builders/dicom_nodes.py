"""DICOM nodes on this machine: one of pynetdicom, dcmtk's, and the archive Orthanc."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import AE, evt

from flows.dicom_node import Node
from tests.builders.ports import free_ports

PATIENCE_SECONDS = 60
ORTHANC_HTTP, ORTHANC_DICOM = 8042, 4242  # of a network of its own


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
    """A running archive, in a network of its own: Debian's listens on every address."""

    process: "subprocess.Popen[bytes]"
    node: Node = field(default_factory=lambda: Node("ORTHANC", "127.0.0.1", ORTHANC_DICOM))

    def inside(self, *command: str | Path, **options: object) -> "subprocess.CompletedProcess[str]":
        """Run a program in the archive's network."""
        entered = ["nsenter", "-t", str(self.process.pid), "-n", *command]
        return subprocess.run(entered, capture_output=True, text=True, check=False, **options)

    def ask(self, path: str) -> object:
        """Ask its REST interface; None while it does not answer."""
        answer = self.inside("curl", "-sf", f"http://127.0.0.1:{ORTHANC_HTTP}{path}")
        return json.loads(answer.stdout) if answer.returncode == 0 else None


@contextmanager
def orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start Orthanc with an empty store."""
    missing = [name for name in ("Orthanc", "curl", "ip", "nsenter") if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian: orthanc, curl, iproute2)")
    own_network = ["unshare", "-n", "ip", "link", "set", "lo", "up"]
    if subprocess.run(own_network, capture_output=True, check=False).returncode:
        pytest.skip("no right to a network of its own for Orthanc, which listens on all addresses")
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "DicomAet": "ORTHANC",
        "DicomPort": ORTHANC_DICOM,
        "HttpPort": ORTHANC_HTTP,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    script = f"ip link set lo up && exec Orthanc {folder / 'orthanc.json'}"
    with _running(["unshare", "-n", "sh", "-c", script]) as process:
        archive = Orthanc(process)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while archive.ask("/system") is None:
            assert time.monotonic() < deadline, "Orthanc does not answer"
            time.sleep(0.05)
        yield archive
