import hashlib
import io
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from flows.models.weights_download import DownloadLimits, published_weights
from severity.errors import ModelUnavailable, WrongWeights
from tests.builders.http_servers import serving
from tests.builders.ports import reserved_port

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SOON = DownloadLimits(silence=timedelta(seconds=5))


@dataclass
class Mirror:
    """A web server on this machine that serves one file, well or badly."""

    content: bytes = CONTENT
    status: int = 200  # instead of the file, if another one
    cuts_off_after: int | None = None  # bytes
    delay: timedelta = timedelta(0)
    redirects_to: str = ""
    url: str = ""
    requests: int = 0

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        time.sleep(self.delay.total_seconds())
        if self.redirects_to and "?" not in request.path:
            request.send_response(302)
            request.send_header("Location", self.redirects_to)
            request.end_headers()
            return
        self.requests += 1
        body = self.content if self.status == 200 else b""
        request.send_response(self.status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.cuts_off_after])


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    mirror = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mirror.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as origin:
        mirror.url = f"{origin}/weights.pt"
        yield mirror


@pytest.fixture
def no_server() -> Iterator[str]:
    """An address where nothing listens, at a port that is reserved meanwhile."""
    with reserved_port() as port:
        yield f"http://127.0.0.1:{port}/weights.pt"


def fetch(
    cache: Path,
    url: str,
    *,
    file: Path | None = None,
    sha256: str = SHA256,
    limits: DownloadLimits = SOON,
) -> bytes:
    return published_weights(cache=cache, file=file, url=url, sha256=sha256, limits=limits)


def cached_files(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in cache.iterdir()}


def test_weights_are_downloaded_once(tmp_path: Path, mirror: Mirror) -> None:
    cache = tmp_path / "not" / "made" / "yet"

    first, second = fetch(cache, mirror.url), fetch(cache, mirror.url)

    assert first == second == CONTENT
    assert mirror.requests == 1
    assert cached_files(cache) == {f"{SHA256}.pt": CONTENT}


def test_cached_weights_need_no_server(tmp_path: Path, mirror: Mirror, no_server: str) -> None:
    fetch(tmp_path, mirror.url)

    assert fetch(tmp_path, no_server) == CONTENT


def test_an_operators_file_needs_neither_server_nor_cache(tmp_path: Path, no_server: str) -> None:
    file = tmp_path / "by-hand.pt"
    file.write_bytes(CONTENT)

    assert fetch(tmp_path / "cache", no_server, file=file) == CONTENT
    assert not (tmp_path / "cache").exists()


def test_an_operators_file_with_another_hash_is_refused_and_left_alone(
    tmp_path: Path, mirror: Mirror
) -> None:
    file = tmp_path / "by-hand.pt"
    file.write_bytes(b"something else")
    actual = hashlib.sha256(b"something else").hexdigest()

    with pytest.raises(WrongWeights, match=rf"by-hand\.pt have SHA-256 {actual}, not {SHA256}"):
        fetch(tmp_path, mirror.url, file=file)
    assert file.read_bytes() == b"something else"
    assert mirror.requests == 0


def test_an_operators_file_that_is_not_there_is_named(tmp_path: Path, no_server: str) -> None:
    with pytest.raises(ModelUnavailable, match=r"absent\.pt"):
        fetch(tmp_path, no_server, file=tmp_path / "absent.pt")


def test_without_internet_the_message_names_both_ways_and_the_hash(
    tmp_path: Path, no_server: str
) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        fetch(tmp_path, no_server)

    message = str(caught.value)
    assert "allow access to that URL and run again, or download it on another machine" in message
    assert no_server in message
    assert "SEVERITY_WEIGHTS_FILE" in message
    assert SHA256 in message


def test_a_download_that_breaks_off_leaves_nothing_and_running_again_is_enough(
    tmp_path: Path, mirror: Mirror
) -> None:
    mirror.cuts_off_after = 1000
    with pytest.raises(ModelUnavailable, match="run again, or download it on another machine"):
        fetch(tmp_path, mirror.url)
    assert list(tmp_path.iterdir()) == []

    mirror.cuts_off_after = None
    assert fetch(tmp_path, mirror.url) == CONTENT


def test_wrong_content_is_refused_and_nothing_of_it_is_kept(tmp_path: Path, mirror: Mirror) -> None:
    mirror.content = b"<html>please log in</html>"
    actual = hashlib.sha256(mirror.content).hexdigest()

    with pytest.raises(WrongWeights, match=f"SHA-256 {actual}, not {SHA256}"):
        fetch(tmp_path, mirror.url)

    assert cached_files(tmp_path) == {}


def test_a_server_that_sends_too_much_is_cut_off(tmp_path: Path, mirror: Mirror) -> None:
    limits = DownloadLimits(size_bytes=len(CONTENT) - 1)

    with pytest.raises(WrongWeights, match=f"sends more than {limits.size_bytes} bytes"):
        fetch(tmp_path, mirror.url, limits=limits)

    assert cached_files(tmp_path) == {}


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_refusal_is_reported_with_its_status(tmp_path: Path, mirror: Mirror, status: int) -> None:
    mirror.status = status

    with pytest.raises(ModelUnavailable, match=f"HTTP {status}.*SEVERITY_WEIGHTS_FILE"):
        fetch(tmp_path, mirror.url)

    assert cached_files(tmp_path) == {}


def test_a_redirect_is_followed(tmp_path: Path, mirror: Mirror) -> None:
    mirror.redirects_to = f"{mirror.url}?signature=secret"

    assert fetch(tmp_path, mirror.url) == CONTENT


def test_messages_show_neither_password_nor_token(tmp_path: Path, mirror: Mirror) -> None:
    mirror.redirects_to = f"{mirror.url}?signature=secret"
    mirror.status = 403
    url = mirror.url.replace("http://", "http://operator:secret@")

    with pytest.raises(ModelUnavailable) as caught:
        fetch(tmp_path, url)

    assert mirror.url in str(caught.value)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("url", ["weights.pt", "ftp://127.0.0.1/weights.pt", "http://[::1"])
def test_what_is_no_web_address_is_reported(tmp_path: Path, url: str) -> None:
    with pytest.raises(ModelUnavailable):
        fetch(tmp_path, url)


def test_a_cached_file_that_changed_is_detected(tmp_path: Path, mirror: Mirror) -> None:
    fetch(tmp_path, mirror.url)
    cached = tmp_path / f"{SHA256}.pt"
    cached.write_bytes(CONTENT[:-1] + b"?")

    with pytest.raises(WrongWeights, match="delete it and run again"):
        fetch(tmp_path, mirror.url)

    cached.unlink()
    assert fetch(tmp_path, mirror.url) == CONTENT


def test_a_cache_that_cannot_be_written_is_reported(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ModelUnavailable, match="cannot be read or kept"):
        fetch(tmp_path / "file" / "cache", mirror.url)


def test_downloads_at_once_do_not_disturb_each_other(tmp_path: Path, mirror: Mirror) -> None:
    mirror.delay = timedelta(milliseconds=200)

    with ThreadPoolExecutor(3) as pool:
        received = list(pool.map(lambda _: fetch(tmp_path, mirror.url), range(3)))

    assert received == [CONTENT] * 3
    assert cached_files(tmp_path) == {f"{SHA256}.pt": CONTENT}


def test_downloads_of_two_files_share_a_cache(tmp_path: Path, mirror: Mirror) -> None:
    fetch(tmp_path, mirror.url)
    mirror.content = b"another model version"
    other = hashlib.sha256(mirror.content).hexdigest()
    assert fetch(tmp_path, mirror.url, sha256=other) == b"another model version"
    assert fetch(tmp_path, mirror.url) == CONTENT


@pytest.mark.weights
def test_the_published_format_arrives_loads_and_scores(tmp_path: Path, mirror: Mirror) -> None:
    # Imported here: they take seconds, which the other tests do not need.
    import numpy as np

    pytest.importorskip("torch")
    import torch
    from torchxrayvision.models import DenseNet

    from severity.heads.published import linear_on_lung_opacity
    from severity.models.scoring_model import Placement
    from severity.models.torchxrayvision import load_published
    from severity.models.torchxrayvision_weights import weight_set

    pickled = io.BytesIO()
    torch.save(DenseNet(), pickled)
    mirror.content = pickled.getvalue()
    sha256 = hashlib.sha256(mirror.content).hexdigest()

    content = fetch(tmp_path, mirror.url, sha256=sha256)
    model = load_published(
        content,
        linear_on_lung_opacity(),
        weight_set("densenet121-res224-all"),
        sha256=sha256,
        placement=Placement(),
    )

    assert len(model.score(np.zeros((3, 224, 224), np.float32))) == 3
