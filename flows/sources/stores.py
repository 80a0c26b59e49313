"""Where objects lie: a local folder or an S3 bucket, behind two calls."""

import asyncio
import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import quote_from_bytes, unquote_to_bytes

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError
from obstore.store import S3Store

from flows.errors import InboxError
from severity.domain import Reason
from severity.errors import UnreadableImage
from severity.images.limits import check_bytes

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig


@dataclass(frozen=True)
class Listed:
    """One object, as its store lists it without reading it.

    ``key`` is the object's path. A part of it that is not printable text, or that holds a
    percent sign, is percent-encoded. ``fingerprint`` changes when the object does, and may
    change when it does not.
    """

    key: str
    size: int
    modified: datetime
    fingerprint: str


class Store(Protocol):
    """What an inbox needs of the place where its objects lie."""

    async def objects(self) -> list[Listed]:
        """List everything; raises InboxError."""

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        """Read one object; raises InboxError, or RejectedImage if the object is to blame.

        An object that no longer has the ``fingerprint`` may be half replaced: it has vanished.
        """


@dataclass(frozen=True)
class Folder:
    """A local folder and all below it. Links to folders, devices and pipes are not followed.

    Walked here and not through obstore, whose listing ends at the first file name with a
    control character or in another encoding: one such name would stop every night.
    """

    root: Path

    async def objects(self) -> list[Listed]:
        """List the regular files."""
        try:
            return await asyncio.to_thread(lambda: list(_walk(os.fsencode(self.root))))
        except OSError as error:
            raise InboxError(f"{self.root} cannot be listed: {error.strerror}") from error

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        """Read one file, unless it changes meanwhile."""
        path = os.fsencode(self.root) + b"/" + _to_name(key)
        return await asyncio.to_thread(_read_file, path, most_bytes, fingerprint)


def _walk(root: bytes) -> Iterator[Listed]:
    """List the files; a folder below the root that cannot be listed is left out.

    Without recursion, which os.walk uses: its limit is below the depth that a path may have.
    """
    top = root.rstrip(b"/") + b"/"
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                found = list(entries)
        except OSError:
            if folder == top:
                raise
            continue
        for entry in found:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                status = entry.stat()
            except OSError:
                continue  # gone since it was listed, or a link to nowhere
            if stat.S_ISREG(status.st_mode):
                yield _to_listed(entry.path.removeprefix(top), status)


def _to_listed(name: bytes, status: os.stat_result) -> Listed:
    # The time of a file can be set to anything, in a future that Python has no date for. No
    # byte of it was written after the change of its status.
    modified = max(0.0, min(status.st_mtime, status.st_ctime))
    return Listed(
        key=_to_key(name),
        size=status.st_size,
        modified=datetime.fromtimestamp(modified, UTC),
        fingerprint=_fingerprint(status),
    )


def _fingerprint(status: os.stat_result) -> str:
    # With the time of the last status change: a program that sets a file's time can make two
    # contents of one size look alike without it.
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_size}"


# What is wrong with one file, or with one sector of it; anything else is wrong with the folder.
_OF_ONE_FILE = {
    errno.ENOENT: "the file is no longer there",
    errno.ENOTDIR: "the file is no longer there",
    errno.ESTALE: "the file is no longer there",
    errno.EISDIR: "the file is no longer a file",
    errno.ENXIO: "the file is no longer a file",  # a socket
    errno.ELOOP: "the file is no longer a file",
    errno.EACCES: "the file must not be read",
    errno.EPERM: "the file must not be read",
    errno.EIO: "the file cannot be read from its disk",
}


def _read_file(path: bytes, most_bytes: int, fingerprint: str | None) -> bytes:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise UnreadableImage(Reason.VANISHED, "the file is no longer a file")
            check_bytes(before.st_size, most=most_bytes)
            content = file.read(before.st_size + 1)
            after = os.fstat(file.fileno())
    except OSError as error:
        if error.errno in _OF_ONE_FILE:
            raise UnreadableImage(Reason.VANISHED, _OF_ONE_FILE[error.errno]) from error
        raise InboxError(f"a file cannot be read: {error.strerror}") from error
    if fingerprint not in {None, _fingerprint(before)}:
        raise UnreadableImage(Reason.VANISHED, "the file changed after it was listed")
    if _fingerprint(after) != _fingerprint(before) or len(content) != before.st_size:
        raise UnreadableImage(Reason.VANISHED, "the file changed while it was read")
    return content


def _open_at_once(path: str | bytes, flags: int) -> int:
    """Open a file; what has become a pipe since would otherwise be waited for."""
    return os.open(path, flags | os.O_NONBLOCK)


def _to_key(name: bytes) -> str:
    """Write an object's name as text; the parts that are not plain text are percent-encoded.

    Part by part, so that all objects of a folder have its key in common.
    """
    return "/".join(map(_part_to_key, name.split(b"/")))


def _part_to_key(name: bytes) -> str:
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return quote_from_bytes(name)
    return text if text.isprintable() and "%" not in text else quote_from_bytes(name)


def _to_name(key: str) -> bytes:
    return unquote_to_bytes(key)


@dataclass(frozen=True)
class Bucket:
    """A prefix in an S3 bucket; credentials and endpoint come from the ``AWS_*`` variables."""

    store: S3Store
    location: str

    async def objects(self) -> list[Listed]:
        """List the objects below the prefix."""
        found: list[ObjectMeta] = []
        try:
            async for chunk in obstore.list(self.store, chunk_size=1000):
                found += chunk
        except (BaseError, OSError) as error:
            raise InboxError(f"{self.location} cannot be listed: {_brief(error)}") from error
        markers = _folder_markers(found)
        return [_object_to_listed(meta) for meta in found if meta["path"] not in markers]

    async def read(
        self,
        key: str,
        *,
        most_bytes: int,
        fingerprint: str | None = None,  # noqa: ARG002 - an object is only ever replaced whole
    ) -> bytes:
        """Read one object."""
        try:
            answer = await obstore.get_async(self.store, _to_name(key).decode())
            check_bytes(answer.meta["size"], most=most_bytes)
            return bytes(await answer.bytes_async())
        except FileNotFoundError as error:
            raise UnreadableImage(Reason.VANISHED, "the object is no longer there") from error
        except (BaseError, OSError) as error:
            if isinstance(error, PermissionDeniedError) and _code(error) in _OF_ONE_OBJECT:
                raise UnreadableImage(Reason.VANISHED, "the object must not be read") from error
            raise InboxError(f"{self.location} does not answer: {_brief(error)}") from error


def open_bucket(location: str, *, patience: timedelta = timedelta(seconds=10)) -> Bucket:
    """Open ``s3://bucket/prefix``.

    Parameters
    ----------
    patience
        How long to wait for the next byte. A store that stays silent fails after three times
        as long: two attempts more.

    Raises
    ------
    InboxError
        The address or an ``AWS_*`` variable is not what it must be.
    """
    _check_endpoint()
    if "@" in location.removeprefix("s3://").partition("/")[0]:
        # The address is kept and shown: it must not be used with what it holds.
        raise InboxError("s3://bucket/prefix holds no credentials: they are in AWS_* variables")
    attempts: RetryConfig = {"max_retries": 2, "retry_timeout": 3 * patience}
    try:
        store = S3Store.from_url(location, client_options=_client(patience), retry_config=attempts)
    except (BaseError, ValueError) as error:
        raise InboxError(f"{location} cannot be opened: {_brief(error)}") from error
    return Bucket(store, location.rstrip("/"))


_ADDRESS = re.compile(r"(https?://[\w.:\[\]-]+(/[\w./-]*)?)?", re.ASCII)


def _check_endpoint() -> None:
    """Refuse here what makes the client panic."""
    for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        if not _ADDRESS.fullmatch(os.environ.get(name, "")):
            raise InboxError(f"{name} is not an address like https://s3.example.org")


def _client(patience: timedelta) -> "ClientConfig":
    """Return the limits of the connection. A site's own options, in ``AWS_*``, come first."""
    options: dict[str, str | timedelta] = {
        "connect_timeout": patience / 2,
        "read_timeout": patience,
        "timeout": timedelta(minutes=10),  # of one object: the largest, over a slow line
    }
    # Options that are given replace all those that the client would read there itself.
    for name in (*options, "allow_http", "allow_invalid_certificates", "proxy_url"):
        if value := os.environ.get(f"AWS_{name.upper()}"):
            options[name] = value
    return cast("ClientConfig", options)


def _object_to_listed(meta: "ObjectMeta") -> Listed:
    return Listed(
        key=_to_key(meta["path"].encode()),
        size=meta["size"],
        modified=meta["last_modified"].astimezone(UTC),
        fingerprint=f"{meta['e_tag'] or meta['last_modified'].isoformat()}-{meta['size']}",
    )


def _folder_markers(found: Iterable["ObjectMeta"]) -> set[str]:
    """Find the empty objects that consoles make to show a folder; they cannot be read."""
    empty = {meta["path"] for meta in found if meta["size"] == 0}
    if not empty:
        return empty
    folders = {str(folder) for meta in found for folder in PurePosixPath(meta["path"]).parents}
    return {path for path in empty if path in folders or not PurePosixPath(path).suffix}


_OF_ONE_OBJECT = {"", "AccessDenied", "InvalidObjectState"}  # the last: it lies in an archive
_ANSWER = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<]*)</Message>)?")
# Asked for credentials where the environment holds none.
_MACHINE = re.compile(r"/latest/(api/token|meta-data)")


def _code(error: Exception) -> str:
    """Return the error code of S3; empty if there is none."""
    answer = _ANSWER.search(str(error))
    return answer[1] if answer else ""


def _brief(error: Exception) -> str:
    """Say what is wrong in one line. All else in the error may hold addresses and names."""
    if isinstance(error, InvalidPathError):
        return "a name in it holds a control character, or an empty part; rename that object"
    text = str(error).partition("Debug source:")[0]
    if answer := _ANSWER.search(text):
        return " ".join(": ".join(filter(None, answer.groups())).split())
    first = next(iter(text.strip().splitlines()), type(error).__name__)
    if _MACHINE.search(first):
        return "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if first.endswith("builder error"):
        return "the endpoint is plain http: set AWS_ALLOW_HTTP=true if that is meant"
    reason = first.rpartition(" - ")[2]
    return reason.replace("HTTP error:", "no connection to the endpoint:")
