"""The published weights: a file of the operator's, the cached one, or downloaded once."""

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
    """How much a download may take."""

    size_bytes: int = 200_000_000  # the published file has 28 MB; a server could send without end
    silence: timedelta = timedelta(seconds=30)  # in which nothing arrives


_LIMITS = DownloadLimits()


def kept_weights(cache: Path, sha256: str) -> Path:
    """Tell where weights are kept once they are fetched.

    Named by what must be in the file, so that those of two model versions never meet.
    """
    return cache / f"{sha256}.pt"


def published_weights(
    *, cache: Path, file: Path | None, url: str, sha256: str, limits: DownloadLimits = _LIMITS
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
        They are not here and cannot be downloaded now.
    """
    try:
        if file is not None:
            return _read(file, sha256, remedy="let SEVERITY_WEIGHTS_FILE name the published file")
        kept = kept_weights(cache, sha256)
        if kept.exists():
            return _read(kept, sha256, remedy="delete it and run again")
        cache.mkdir(parents=True, exist_ok=True)
        content = _download(url, sha256, limits)
        _keep(content, kept)
    except OSError as error:
        raise ModelUnavailable(f"the weights cannot be read or kept: {error}") from error
    return content


def check_weights_file(file: Path, sha256: str) -> None:
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


def _keep(content: bytes, kept: Path) -> None:
    """Write a file whole or not at all, whoever else writes it at this moment."""
    draft = kept.with_name(f".{kept.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # a power cut must not leave the name without content
        draft.replace(kept)
    finally:
        draft.unlink(missing_ok=True)


def _download(url: str, sha256: str, limits: DownloadLimits) -> bytes:
    """Return what the server sends, which has that SHA-256."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ModelUnavailable(f"the URL of the weights is not one: {error}") from error
    # For messages: a mirror's may carry a password or a token.
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
    """The server answers with something else than the file."""


def _fetch(url: httpx.URL, limits: DownloadLimits) -> bytes:
    """Return what the server sends; of too much, only a little more than the limit."""
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
