"""A folder as the archive of another one on the same file system."""

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.errors import InboxError
from flows.lost_mounts import answered
from flows.sources.folder_walk import fingerprint
from flows.sources.keys import to_name
from flows.sources.opened_path import OpenedPath, opened
from flows.sources.store import Addition

_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE}


@dataclass(frozen=True)
class FolderArchive:
    """Files are linked into the archive, then unlinked in the source: none is ever in neither.

    One that is there already, with the same content, is only unlinked.
    """

    source: Path
    target: Path

    @property
    def location(self) -> str:
        """Its identity in the ledger."""
        return str(self.target)

    async def add(self, addition: Addition) -> str | None:
        """Link a file into the archive; return its key there, or None if it is gone or replaced."""
        return await answered(self.target, partial(self._add, addition))

    async def remove(self, addition: Addition, archived_key: str) -> None:
        """Remove a file from the source if it is the one in the archive."""
        await answered(self.target, partial(self._remove, addition.key, archived_key))

    def _add(self, addition: Addition) -> str | None:
        try:
            with opened(_path(self.source, addition.key)) as file:
                if not addition.is_same(fingerprint(file.status)):
                    return None
                for key in (addition.key, addition.spare_key):
                    if self._link(file, key):
                        return key
        # From None: the system's error holds the file's name, which may be a patient's.
        except OSError as error:
            if error.errno not in _GONE:
                raise InboxError(f"{self.target} cannot be written: {error.strerror}") from None
        return None

    def _link(self, file: OpenedPath, key: str) -> bool:
        """Link an opened file, and no other that took its place; return whether it is there."""
        path = _path(self.target, key)
        folder = os.path.dirname(path)  # noqa: PTH120 - as bytes: a name may be in any encoding
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # With a folder's descriptor: without one, Python would link the link in /proc.
            os.link(file.handle, path, dst_dir_fd=descriptor, follow_symlinks=True)
            os.fsync(descriptor)
        except FileExistsError:
            return _is_link(path, file) or _is_copy(path, file)
        finally:
            os.close(descriptor)
        return True

    def _remove(self, key: str, archived_key: str) -> None:
        source, target = _path(self.source, key), _path(self.target, archived_key)
        try:
            # What replaces it between these lines is lost; nothing in Linux unlinks a file by
            # what it is. A program that corrects a file writes it minutes, not microseconds, later.
            with suppress(FileNotFoundError), opened(source) as file:
                if _is_link(target, file):
                    self._check_links(file.status)
                elif not _is_copy(target, file):
                    return
                os.unlink(source)  # noqa: PTH108
        except OSError as error:
            raise InboxError(f"{self.source} cannot be cleared: {error.strerror}") from None

    def _check_links(self, status: os.stat_result) -> None:
        """Refuse to remove the only link: both paths lead to it, as where a folder has two."""
        if status.st_nlink < 2:  # noqa: PLR2004 - in the source, and in the archive
            raise InboxError(f"{self.target} and {self.source} are the same folder")


def _is_link(path: bytes, file: OpenedPath) -> bool:
    """Whether a path leads to an opened file."""
    return os.path.samestat(os.stat(path), file.status)  # noqa: PTH116


def _is_copy(path: bytes, file: OpenedPath) -> bool:
    """Whether a path leads to a file with the content of an opened one."""
    if os.stat(path).st_size != file.status.st_size:  # noqa: PTH116
        return False
    with open(path, "rb") as there, open(file.handle, "rb") as here:  # noqa: PTH123
        return there.read() == here.read()


def _path(folder: Path, key: str) -> bytes:
    return os.fsencode(folder) + b"/" + to_name(key)
