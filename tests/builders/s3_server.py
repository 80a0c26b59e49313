"""A real S3 server for tests: SeaweedFS, on this machine, with a folder of its own."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from obstore.store import S3Store

from tests.builders.ports import free_ports

KEY_ID = "tests-of-cxr-severity"
SECRET = "a-secret-that-no-message-may-show"  # noqa: S105
_PORTS = ("master", "volume", "filer", "s3")
_START_SECONDS = 60
_ATTEMPTS = 3


class _EndedEarly(Exception):
    """The server ended before it answered, as if a port is taken: start it again."""


@dataclass(frozen=True)
class S3Server:
    """A running server."""

    endpoint: str

    def environment(self) -> dict[str, str]:
        """Return the environment variables of a program that uses the server."""
        return {
            "AWS_ENDPOINT": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def bucket(self, name: str) -> S3Store:
        """Return a bucket; it is made with its first object."""
        return S3Store(
            name,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=KEY_ID,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    """Start the server, wait until it answers, and stop it at the end."""
    for attempt in range(_ATTEMPTS):
        own_folder = folder / str(attempt)
        own_folder.mkdir()
        with ExitStack() as stack:
            try:
                server = stack.enter_context(_server(own_folder))
            except _EndedEarly:
                continue
            yield server
            return
    raise RuntimeError(f"weed ended {_ATTEMPTS} times; see its output in {folder}")


@contextmanager
def _server(folder: Path) -> Iterator[S3Server]:
    """Start the server once, on ports that another program may take first."""
    ports = dict(zip([*_PORTS, *(f"{name}.grpc" for name in _PORTS)], free_ports(8), strict=True))
    with (folder / "output").open("wb") as output:
        server = subprocess.Popen(
            _command(folder, ports), cwd=folder, stdout=output, stderr=output, env=_env(folder)
        )
        try:
            endpoint = f"http://127.0.0.1:{ports['s3']}"
            _wait_for(f"{endpoint}/healthz", server)
            yield S3Server(endpoint)
        finally:
            server.kill()  # a slower exit would only save data that is not needed
            server.wait()
            for name in _PORTS:  # its only files outside the folder
                Path(f"/tmp/seaweedfs-{name}-grpc-{ports[f'{name}.grpc']}.sock").unlink(  # noqa: S108
                    missing_ok=True
                )


def _command(folder: Path, ports: dict[str, int]) -> list[str]:
    (folder / "s3.json").write_text(json.dumps({"identities": [_identity()]}))
    (folder / "data").mkdir()
    addresses = [
        f"-{name}.port{'.grpc' if grpc else ''}={port}"
        for place, port in ports.items()
        for name, _, grpc in [place.partition(".")]
    ]
    return [
        str(Path(sys.executable).with_name("weed")),
        f"-logdir={folder}",
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={folder / 'data'}",
        *addresses,
        "-s3",
        f"-s3.config={folder / 's3.json'}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.localSocket={folder / 's3.sock'}",
        f"-filer.localSocket={folder / 'filer.sock'}",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=10",
        "-volume.minFreeSpace=1",
    ]


def _identity() -> dict[str, object]:
    return {
        "name": "tests",
        "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }


def _env(folder: Path) -> dict[str, str]:
    """Keep the server away from the settings and temporary files of whoever runs it."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise _EndedEarly
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - an address of this machine
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer after {_START_SECONDS} s")
