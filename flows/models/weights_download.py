"""The published weights: from a file of the operator, from the cache, or downloaded once."""

import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx

from severity.errors import ModelUnavailable, WrongWeights


@dataclass(frozen=True)
class DownloadLimits:
    """The largest size of a download, and the longest silence in it."""

    size_bytes: int = 200_000_000  # the published file has 28 MB; a server could send without end
    silence: timedelta = timedelta(seconds=30)  # in which nothing arrives


_LIMITS = DownloadLimits()


def cached_weights(cache: Path, sha256: str) -> Path:
    """Return the file in the cache for weights of this hash.

    The hash is the name, so that the weights of two model versions never meet.
    """
    return cache / f"{sha256}.pt"


def published_weights(
    *, cache: Path, file: Path | None, url: str, sha256: str, limits: DownloadLimits = _LIMITS
) -> bytes:
    """Return the published weights; they are downloaded once.

    Parameters
    ----------
    cache
        Folder for downloaded weights; made if absent. Processes may share it.
    file
        The operator's copy of the weights (``SEVERITY_WEIGHTS_FILE``). With it, neither the
        cache nor the network is used.
    url
        Where they are published, or a mirror of it.
    sha256
        Their expected SHA-256, 64 lowercase hexadecimal digits.
    limits
        Limits of the download.

    Returns
    -------
    The whole file, with that SHA-256.

    Raises
    ------
    WrongWeights
        The file, the cached one, or the server's response has another SHA-256.
    ModelUnavailable
        The weights are not here and cannot be downloaded now.
    """
    try:
        if file is not None:
            return _read(file, sha256, remedy="let SEVERITY_WEIGHTS_FILE name the published file")
        cached = cached_weights(cache, sha256)
        if cached.exists():
            return _read(cached, sha256, remedy="delete it and run again")
        cache.mkdir(parents=True, exist_ok=True)
        content = _download(url, sha256, limits)
        _keep(content, cached)
    except OSError as error:
        raise ModelUnavailable(f"the weights cannot be read or kept: {error}") from error
    return content


def check_weights_file(file: Path, sha256: str) -> None:
    """Refuse a file of weights whose hash is not the expected one.

    Raises
    ------
    WrongWeights
        The file has another SHA-256.
    ModelUnavailable
        The file cannot be read.
    """
    try:
        _read(file, sha256, remedy="replace it with the published file, or delete it")
    except OSError as error:
        raise ModelUnavailable(f"the weights cannot be read: {error}") from error


def _read(file: Path, sha256: str, *, remedy: str) -> bytes:
    content = file.read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise WrongWeights(f"the weights in {file} have SHA-256 {actual}, not {sha256}: {remedy}")
    return content


def _keep(content: bytes, file: Path) -> None:
    """Write a file whole or not at all, even if another process writes it at this moment."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())  # a power cut must not leave the name without content
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _download(url: str, sha256: str, limits: DownloadLimits) -> bytes:
    """Download the content with that SHA-256."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ModelUnavailable(f"the URL of the weights is not one: {error}") from error
    # For messages: a mirror's URL may hold a password or a token.
    shown = parsed.copy_with(userinfo=b"", query=None, fragment=None)
    try:
        content = _fetch(parsed, limits)
    except (httpx.HTTPError, _NotServed) as error:
        raise _unavailable(shown, sha256, error) from error
    if len(content) > limits.size_bytes:
        raise WrongWeights(f"{shown} sends more than {limits.size_bytes} bytes")
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise WrongWeights(f"{shown} sent weights with SHA-256 {actual}, not {sha256}")
    return content


def _unavailable(shown: httpx.URL, sha256: str, error: Exception) -> ModelUnavailable:
    return ModelUnavailable(
        f"the weights are not on this machine, and downloading {shown} failed: "
        f"{str(error) or type(error).__name__}. Either allow access to that URL and run again, "
        "or download it on another machine and set SEVERITY_WEIGHTS_FILE to the file. Its "
        f"SHA-256 must be {sha256}"
    )


class _NotServed(Exception):
    """The server's response is not the file."""


def _fetch(url: httpx.URL, limits: DownloadLimits) -> bytes:
    """Return the body of the response, cut off a little beyond the limit on its size."""
    content = bytearray()
    silence = limits.silence.total_seconds()
    with httpx.stream("GET", url, follow_redirects=True, timeout=silence) as response:
        if response.status_code != HTTPStatus.OK:
            # Not `raise_for_status`: its message shows the signed URL of a redirect.
            raise _NotServed(f"the server answered HTTP {response.status_code}")
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > limits.size_bytes:
                break
    return bytes(content)
