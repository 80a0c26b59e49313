import hashlib
import io
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.models.weights_download import Limits, published_weights
from severity.errors import ModelUnavailable, WrongWeights

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
AT_ONCE = Limits(attempts=3, pause=timedelta(0), silence=timedelta(seconds=5))
ONE_ATTEMPT = Limits(attempts=1, pause=timedelta(0), silence=timedelta(seconds=5))


@dataclass
class Mirror:
    """A web server on this machine that serves one file, well or badly."""

    content: bytes = CONTENT
    status: int = 200  # instead of the file, if another one
    knows_ranges: bool = True
    first_byte_is_off_by: int = 0
    cuts_off_after: list[int] = field(default_factory=list)  # bytes, one for each next request
    delay: timedelta = timedelta(0)
    redirects_to: str = ""
    url: str = ""
    ranges: list[str | None] = field(default_factory=list)  # asked for, one for each request

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        time.sleep(self.delay.total_seconds())
        if self.redirects_to and "?" not in request.path:
            request.send_response(302)
            request.send_header("Location", self.redirects_to)
            request.end_headers()
            return
        asked = request.headers["Range"]
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if self.status != 200:
            self._send(request, self.status, b"")
        elif not asked or not self.knows_ranges:
            self._send(request, 200, self.content)
        elif start >= len(self.content):
            self._send(request, 416, b"")
        else:
            self._send(request, 206, self.content[start:], start=start + self.first_byte_is_off_by)

    def _send(
        self, request: BaseHTTPRequestHandler, status: int, body: bytes, *, start: int = 0
    ) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        if status == 206:
            last = len(self.content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        request.end_headers()
        request.wfile.write(body[: self.cuts_off_after.pop(0)] if self.cuts_off_after else body)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    mirror = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mirror.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        mirror.url = f"http://127.0.0.1:{server.server_port}/weights.pt"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield mirror
        server.shutdown()
        thread.join()


@pytest.fixture
def no_server() -> str:
    """Where nothing listens: the port was free a moment ago."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return f"http://127.0.0.1:{server.server_port}/weights.pt"


def fetch(
    cache: Path,
    url: str,
    *,
    file: Path | None = None,
    sha256: str = SHA256,
    limits: Limits = AT_ONCE,
) -> bytes:
    return published_weights(cache=cache, file=file, url=url, sha256=sha256, limits=limits)


def kept(cache: Path) -> dict[str, bytes]:
    return {path.suffix: path.read_bytes() for path in cache.iterdir() if path.suffix != ".lock"}


def test_weights_are_downloaded_once(tmp_path: Path, mirror: Mirror) -> None:
    cache = tmp_path / "not" / "made" / "yet"

    first, second = fetch(cache, mirror.url), fetch(cache, mirror.url)

    assert first == second == CONTENT
    assert mirror.ranges == [None]
    assert kept(cache) == {".pt": CONTENT}


def test_cached_weights_need_no_server(tmp_path: Path, mirror: Mirror, no_server: str) -> None:
    fetch(tmp_path, mirror.url)

    assert fetch(tmp_path, no_server) == CONTENT


def test_a_given_file_needs_neither_server_nor_cache(tmp_path: Path, no_server: str) -> None:
    file = tmp_path / "by-hand.pt"
    file.write_bytes(CONTENT)

    assert fetch(tmp_path / "cache", no_server, file=file) == CONTENT
    assert not (tmp_path / "cache").exists()


def test_a_given_file_with_another_hash_is_refused_and_left_alone(
    tmp_path: Path, mirror: Mirror
) -> None:
    file = tmp_path / "by-hand.pt"
    file.write_bytes(b"something else")
    actual = hashlib.sha256(b"something else").hexdigest()

    with pytest.raises(WrongWeights, match=rf"by-hand\.pt have SHA-256 {actual}, not {SHA256}"):
        fetch(tmp_path, mirror.url, file=file)
    assert file.read_bytes() == b"something else"
    assert mirror.ranges == []


def test_a_given_file_that_is_not_there_is_named(tmp_path: Path, no_server: str) -> None:
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
    assert "bytes are kept" not in message


def test_a_download_that_breaks_off_is_kept_and_the_message_says_so(
    tmp_path: Path, mirror: Mirror
) -> None:
    mirror.cuts_off_after = [1000]

    with pytest.raises(ModelUnavailable, match="1000 bytes are kept: running again resumes"):
        fetch(tmp_path, mirror.url, limits=ONE_ATTEMPT)

    assert kept(tmp_path) == {".part": CONTENT[:1000]}


def test_running_again_resumes(tmp_path: Path, mirror: Mirror) -> None:
    mirror.cuts_off_after = [1000]
    with pytest.raises(ModelUnavailable):
        fetch(tmp_path, mirror.url, limits=ONE_ATTEMPT)

    assert fetch(tmp_path, mirror.url) == CONTENT
    assert mirror.ranges == [None, "bytes=1000-"]
    assert kept(tmp_path) == {".pt": CONTENT}


def test_an_unsteady_connection_is_resumed_a_limited_number_of_times(
    tmp_path: Path, mirror: Mirror
) -> None:
    mirror.cuts_off_after = [1000] * 4

    with pytest.raises(ModelUnavailable, match="3000 bytes are kept"):
        fetch(tmp_path, mirror.url)

    assert fetch(tmp_path, mirror.url) == CONTENT
    assert mirror.ranges == [None, *(f"bytes={n}-" for n in (1000, 2000, 3000, 4000))]


def test_a_server_without_ranges_starts_over(tmp_path: Path, mirror: Mirror) -> None:
    mirror.knows_ranges = False
    mirror.cuts_off_after = [1000]

    assert fetch(tmp_path, mirror.url) == CONTENT
    assert mirror.ranges == [None, "bytes=1000-"]


def test_a_server_that_continues_elsewhere_is_asked_for_the_whole(
    tmp_path: Path, mirror: Mirror
) -> None:
    mirror.first_byte_is_off_by = 1
    mirror.cuts_off_after = [1000]

    assert fetch(tmp_path, mirror.url) == CONTENT
    assert mirror.ranges == [None, "bytes=1000-", None]


def test_a_part_of_another_file_is_dropped_and_the_whole_asked_for(
    tmp_path: Path, mirror: Mirror
) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(b"of an older release")

    assert fetch(tmp_path, mirror.url) == CONTENT
    assert mirror.ranges == ["bytes=19-", None]


def test_a_part_longer_than_the_file_is_dropped_and_the_whole_asked_for(
    tmp_path: Path, mirror: Mirror
) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(CONTENT + b"tail")

    assert fetch(tmp_path, mirror.url) == CONTENT
    assert mirror.ranges == [f"bytes={len(CONTENT) + 4}-", None]


def test_a_part_that_was_whole_when_the_process_died_is_not_downloaded_again(
    tmp_path: Path, no_server: str
) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(CONTENT)

    assert fetch(tmp_path, no_server) == CONTENT


def test_wrong_content_is_refused_and_nothing_of_it_is_kept(tmp_path: Path, mirror: Mirror) -> None:
    mirror.content = b"<html>please log in</html>"
    actual = hashlib.sha256(mirror.content).hexdigest()

    with pytest.raises(WrongWeights, match=f"SHA-256 {actual}, not {SHA256}"):
        fetch(tmp_path, mirror.url)

    assert mirror.ranges == [None]
    assert kept(tmp_path) == {}


def test_a_server_that_sends_too_much_is_cut_off(tmp_path: Path, mirror: Mirror) -> None:
    limits = Limits(size_bytes=len(CONTENT) - 1)

    with pytest.raises(WrongWeights, match=f"sends more than {limits.size_bytes} bytes"):
        fetch(tmp_path, mirror.url, limits=limits)

    assert kept(tmp_path) == {}


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_refusal_is_reported_with_its_status(tmp_path: Path, mirror: Mirror, status: int) -> None:
    mirror.status = status

    with pytest.raises(ModelUnavailable, match=f"HTTP {status}.*SEVERITY_WEIGHTS_FILE"):
        fetch(tmp_path, mirror.url)

    assert len(mirror.ranges) == AT_ONCE.attempts
    assert kept(tmp_path) == {}


def test_a_refusal_keeps_what_had_arrived(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(CONTENT[:1000])
    mirror.status = 503

    with pytest.raises(ModelUnavailable, match="1000 bytes are kept"):
        fetch(tmp_path, mirror.url)

    mirror.status = 200
    assert fetch(tmp_path, mirror.url) == CONTENT
    assert mirror.ranges[-1] == "bytes=1000-"


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


def test_two_downloads_at_once_are_one(tmp_path: Path, mirror: Mirror) -> None:
    """The lock belongs to the opened file, so threads meet at it as processes do."""
    mirror.delay = timedelta(milliseconds=200)
    received = []
    workers = [
        threading.Thread(target=lambda: received.append(fetch(tmp_path, mirror.url)))
        for _ in range(3)
    ]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert received == [CONTENT] * 3
    assert mirror.ranges == [None]


def test_downloads_of_two_files_share_a_cache(tmp_path: Path, mirror: Mirror) -> None:
    fetch(tmp_path, mirror.url)
    mirror.content = b"another model version"
    other = hashlib.sha256(mirror.content).hexdigest()
    assert fetch(tmp_path, mirror.url, sha256=other) == b"another model version"
    assert fetch(tmp_path, mirror.url) == CONTENT


def test_the_published_format_arrives_in_pieces_loads_and_scores(
    tmp_path: Path, mirror: Mirror
) -> None:
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
    mirror.cuts_off_after = [10_000_000, 10_000_000]
    sha256 = hashlib.sha256(mirror.content).hexdigest()

    content = fetch(tmp_path, mirror.url, sha256=sha256)
    model = load_published(
        content,
        linear_on_lung_opacity(),
        weight_set("densenet121-res224-all"),
        sha256=sha256,
        placement=Placement(),
    )

    assert mirror.ranges == [None, "bytes=10000000-", "bytes=20000000-"]
    assert len(model.score(np.zeros((3, 224, 224), np.float32))) == 3
