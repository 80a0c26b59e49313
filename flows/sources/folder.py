"""A local folder as a store of objects."""

import asyncio
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.errors import InboxError
from flows.sources.store import Listed, to_key, to_name
from severity.domain import Reason
from severity.errors import UnreadableImage
from severity.images.limits import check_bytes


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
        path = os.fsencode(self.root) + b"/" + to_name(key)
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
            with os.scandir(folder) as scan:
                entries = list(scan)
        except OSError:
            if folder == top:
                raise
            continue
        for entry in entries:
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
        key=to_key(name),
        size=status.st_size,
        modified=datetime.fromtimestamp(modified, UTC),
        fingerprint=_fingerprint(status),
    )


def _fingerprint(status: os.stat_result) -> str:
    # With the time of the last status change: a program that sets a file's time can make two
    # contents of one size look alike without it.
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_size}"


# Errors of one file, or of one sector of it; any other is an error of the folder.
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
        with open(path, "rb", opener=_open_without_waiting) as file:
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


def _open_without_waiting(path: str | bytes, flags: int) -> int:
    """Open a file without waiting, as opening would if it has become a pipe since."""
    return os.open(path, flags | os.O_NONBLOCK)
