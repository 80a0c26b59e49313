"""A local folder as a store of objects."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from flows.errors import InboxError
from flows.lost_mounts import PATIENCE_SECONDS, answered
from flows.sources.folder_walk import fingerprint as fingerprint_of
from flows.sources.folder_walk import walk
from flows.sources.keys import to_name
from flows.sources.opened_path import OpenedPath, opened
from flows.sources.store import Entry
from severity.domain import Reason
from severity.errors import InaccessibleImage, UnreadableImage
from severity.images.limits import check_bytes

_CHUNK = 1000  # entries that one thread call lists


@dataclass(frozen=True)
class Folder:
    """A local folder and all below it. Links out of it and to folders are not followed.

    A folder that does not answer for ``patience`` seconds is given up, as where the server of a
    mount is lost.

    Walked here and not through obstore, whose listing ends at the first file name with a
    control character or in another encoding: one such name would stop every night.
    """

    root: Path
    patience: float = PATIENCE_SECONDS

    async def entries(self) -> AsyncGenerator[Sequence[Entry], None]:
        """List the regular files, and what cannot be seen.

        The next ones are listed while those before are looked up in the ledger.
        """
        list_next = partial(self._next, walk(os.fsencode(self.root)))

        def begun() -> asyncio.Task[list[Entry]]:
            task = asyncio.create_task(answered(self.root, list_next, seconds=self.patience))
            # Of a listing that nobody awaits to its end, no error is of interest.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            return task

        coming = begun()
        try:
            while chunk := await coming:
                coming = begun()
                yield chunk
        finally:
            coming.cancel()

    def _next(self, entries: Iterator[Entry]) -> list[Entry]:
        try:
            return list(islice(entries, _CHUNK))
        except OSError as error:
            raise InboxError(f"{self.root} cannot be listed: {error.strerror}") from None

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        """Read one file, unless it changes meanwhile."""
        read = partial(_read_file, os.fsencode(self.root), key, most_bytes, fingerprint)
        return await answered(self.root, read, seconds=self.patience)


_GONE = {
    errno.ENOENT: "the file is no longer there",
    errno.ENOTDIR: "the file is no longer there",
    errno.ESTALE: "the file is no longer there",
    errno.ELOOP: "the file is no longer a file",
}
_STILL_THERE = {
    errno.EACCES: "the file must not be read",
    errno.EPERM: "the file must not be read",
    errno.EIO: "the file cannot be read from its disk",
    errno.EBUSY: "the file is held by another program",
    errno.ETXTBSY: "the file is held by another program",
    errno.ENAMETOOLONG: "the path of the file is too long",
}
# Of this process, this machine or the mount: other files would fail alike.
_NOT_OF_A_FILE = {
    errno.EAGAIN,
    errno.ECONNABORTED,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.EINTR,
    errno.EMFILE,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENFILE,
    errno.ENODEV,
    errno.ENOMEM,
    errno.ENOTCONN,
    errno.ENXIO,
    errno.EPIPE,
    errno.ESHUTDOWN,
    errno.ETIMEDOUT,
}


def _read_file(root: bytes, key: str, most_bytes: int, fingerprint: str | None) -> bytes:
    real_root = _real(root)
    try:
        with opened(root + b"/" + to_name(key)) as place:
            if not stat.S_ISREG(place.status.st_mode):
                raise UnreadableImage(Reason.VANISHED, "the file is no longer a file")
            if not place.lies_below(real_root):
                raise InaccessibleImage(Reason.VANISHED, "a link leads out of the inbox")
            return _read_whole(place, most_bytes, fingerprint)
    # From None: the system's error holds the file's name, which may be a patient's.
    except OSError as error:
        if error.errno in _GONE:
            raise UnreadableImage(Reason.VANISHED, _GONE[error.errno]) from None
        if error.errno in _NOT_OF_A_FILE:
            raise InboxError(f"a file cannot be read: {error.strerror}") from None
        why = _STILL_THERE.get(error.errno or 0, "the file cannot be opened or read")
        raise InaccessibleImage(Reason.VANISHED, why) from None


def _real(root: bytes) -> bytes:
    """Return the place of the inbox without links."""
    try:
        with opened(root) as top:
            return top.real
    except OSError as error:
        raise InboxError(f"the inbox cannot be opened: {error.strerror}") from error


def _read_whole(place: OpenedPath, most_bytes: int, fingerprint: str | None) -> bytes:
    before = place.status
    check_bytes(before.st_size, most=most_bytes)
    with os.fdopen(os.open(place.handle, os.O_RDONLY), "rb") as file:
        content = file.read(before.st_size + 1)
        after = os.fstat(file.fileno())
    if fingerprint not in {None, fingerprint_of(before)}:
        raise UnreadableImage(Reason.VANISHED, "the file changed after it was listed")
    if fingerprint_of(after) != fingerprint_of(before) or len(content) != before.st_size:
        raise UnreadableImage(Reason.VANISHED, "the file changed while it was read")
    return content
