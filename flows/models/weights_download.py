"""The published weights: a file of the operator's, the cached one, or downloaded once."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx

from severity.errors import ModelUnavailable, WrongWeights


@dataclass(frozen=True)
class Limits:
    """How much a download may take, and how often it is tried."""

    size_bytes: int = 200_000_000  # the published file has 28 MB; a server could send without end
    attempts: int = 3
    pause: timedelta = timedelta(
        seconds=1
    )  # before the second attempt, twice that before the third
    silence: timedelta = timedelta(seconds=30)  # in which nothing arrives


_LIMITS = Limits()


class _AttemptFailedError(Exception):
    """One attempt brought no weights; another one may."""


@dataclass(frozen=True)
class _Download:
    """What is fetched from where into which folder."""

    url: httpx.URL
    sha256: str
    cache: Path

    @property
    def whole(self) -> Path:
        return kept_weights(self.cache, self.sha256)

    @property
    def part(self) -> Path:
        return self.whole.with_suffix(".part")

    @property
    def received_bytes(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    @property
    def shown_url(self) -> httpx.URL:
        """The URL for messages; a mirror's may carry a password or a token."""
        return self.url.copy_with(userinfo=b"", query=None, fragment=None)


def kept_weights(cache: Path, sha256: str) -> Path:
    """Tell where weights are kept once they are fetched.

    Named by what must be in the file, so that those of two model versions never meet.
    """
    return cache / f"{sha256}.pt"


def published_weights(
    *, cache: Path, file: Path | None, url: str, sha256: str, limits: Limits = _LIMITS
) -> bytes:
    """Return the published weights; they are downloaded once.

    Parameters
    ----------
    cache
        Folder that keeps what was downloaded; made if absent. Processes may share it.
    file
        Where the operator put the weights (``SEVERITY_WEIGHTS_FILE``). If given, neither the
        cache nor the network is looked at.
    url
        Where they are published, or a mirror of it.
    sha256
        What their SHA-256 must be, 64 lowercase hexadecimal digits.
    limits
        Of a download.

    Returns
    -------
    The whole file, with that SHA-256.

    Raises
    ------
    WrongWeights
        The file, the cached one, or what the server sends has another SHA-256.
    ModelUnavailable
        They are not here and cannot be downloaded now. What arrived of them is kept, and the
        next call goes on from there.
    """
    try:
        if file is not None:
            return _read(file, sha256, remedy="let SEVERITY_WEIGHTS_FILE name the published file")
        download = _Download(httpx.URL(url), sha256, cache)
        if not download.whole.exists():
            _download_once(download, limits)
        return _read(download.whole, sha256, remedy="delete it and run again")
    except httpx.InvalidURL as error:
        raise ModelUnavailable(f"the URL of the weights is not one: {error}") from error
    except OSError as error:
        raise ModelUnavailable(f"the weights cannot be read or kept: {error}") from error


def check_weights(file: Path, sha256: str) -> None:
    """Refuse a file of weights that is another than the expected one.

    Raises
    ------
    WrongWeights
        It has another SHA-256.
    ModelUnavailable
        It cannot be read.
    """
    try:
        _read(file, sha256, remedy="bring the published file, or delete this one")
    except OSError as error:
        raise ModelUnavailable(f"the weights cannot be read: {error}") from error


def _read(file: Path, sha256: str, *, remedy: str) -> bytes:
    content = file.read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise WrongWeights(f"the weights in {file} have SHA-256 {actual}, not {sha256}: {remedy}")
    return content


def _download_once(download: _Download, limits: Limits) -> None:
    """Make ``download.whole``, which has its name only when it is whole and right."""
    download.cache.mkdir(parents=True, exist_ok=True)
    with _alone(download.whole.with_suffix(".lock")):
        if download.whole.exists():  # while this process waited
            return
        if not download.part.exists() or _sha256(download.part) != download.sha256:
            _try_repeatedly(download, limits)
        download.part.replace(download.whole)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other processes out. The lock cannot outlive the process that holds it."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _try_repeatedly(download: _Download, limits: Limits) -> None:
    problem: Exception | None = None
    for attempt in range(limits.attempts):
        time.sleep(attempt * limits.pause.total_seconds())
        try:
            return _attempt(download, limits)
        except (_AttemptFailedError, httpx.HTTPError) as error:
            problem = error
    raise _unavailable(download, problem) from problem


def _unavailable(download: _Download, problem: Exception | None) -> ModelUnavailable:
    received = download.received_bytes
    kept = f". {received} bytes are kept: running again resumes after them" if received else ""
    return ModelUnavailable(
        f"the weights are not on this machine, and downloading {download.shown_url} failed: "
        f"{str(problem) or type(problem).__name__}. Either allow access to that URL and run again, "
        "or download it on another machine and set SEVERITY_WEIGHTS_FILE to the file. Its SHA-256 "
        f"must be {download.sha256}{kept}"
    )


def _attempt(download: _Download, limits: Limits) -> None:
    """Complete the part and check it. A part that cannot become right is removed."""
    kept_bytes = _receive(download, limits)
    actual = _sha256(download.part)
    if actual == download.sha256:
        return
    download.part.unlink()
    if kept_bytes:
        # Its beginning may be of another file than its end, so this says nothing of the server.
        raise _AttemptFailedError(f"what was resumed after {kept_bytes} bytes did not fit")
    raise WrongWeights(
        f"{download.shown_url} sent weights with SHA-256 {actual}, not {download.sha256}"
    )


def _receive(download: _Download, limits: Limits) -> int:
    """Append what the part lacks; return how many of its earlier bytes were kept.

    References
    ----------
    * RFC 9110, 14 (Range requests). No ``If-Range``: its validator would have to be kept
      between runs, and the SHA-256 of the whole finds more than a changed file.
    """
    # Not compressed on the way: ranges count the bytes that are sent.
    headers = {"Accept-Encoding": "identity"}
    if download.received_bytes:
        headers["Range"] = f"bytes={download.received_bytes}-"
    with httpx.stream(
        "GET",
        download.url,
        headers=headers,
        follow_redirects=True,
        timeout=limits.silence.total_seconds(),
    ) as response:
        kept_bytes = _continued_at(response, download)
        _append(response, download, kept_bytes=kept_bytes, limit_bytes=limits.size_bytes)
    return kept_bytes


def _continued_at(response: httpx.Response, download: _Download) -> int:
    """Return which byte of the file the answer begins with."""
    received = download.received_bytes
    match response.status_code:
        case HTTPStatus.OK:  # the whole file: nothing was kept, or the server knows no ranges
            return 0
        case HTTPStatus.PARTIAL_CONTENT if _first_byte(response) == received:
            return received
        case HTTPStatus.PARTIAL_CONTENT | HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            download.part.unlink(missing_ok=True)
            raise _AttemptFailedError(f"the server does not continue after {received} bytes")
        case status:
            # Not `raise_for_status`: its message shows the signed URL of a redirect.
            raise _AttemptFailedError(f"the server answered HTTP {status}")


def _first_byte(response: httpx.Response) -> int | None:
    first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else None


def _append(
    response: httpx.Response, download: _Download, *, kept_bytes: int, limit_bytes: int
) -> None:
    with download.part.open("ab") as part:
        part.truncate(kept_bytes)
        for chunk in response.iter_raw():
            part.write(chunk)
            if part.tell() > limit_bytes:
                download.part.unlink()
                raise WrongWeights(f"{download.shown_url} sends more than {limit_bytes} bytes")
        part.flush()
        os.fsync(part.fileno())  # a power cut must not leave the final name without content
