"""Keeping whole DICOM files in a drop folder, so that they outlast a power cut.

The folder is a source like any other: what lies in it is listed, judged and counted there.
"""

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from flows.errors import NotKept, UsageError

_DRAFTS = ".arriving"  # hidden: a source leaves it out
_DRAFT_SECONDS = 3600.0  # a living program renames its draft within seconds
_UID_DIGITS, _CONTENT_DIGITS, _FOLDER_DIGITS = 24, 24, 2


@dataclass(frozen=True)
class KeptFile:
    """A file that is on disk under its name. ``is_new`` is false if it was there before."""

    key: str
    is_new: bool


@dataclass(frozen=True)
class DropFolder:
    """A drop folder that whole DICOM files are written to, by any number of programs at once.

    Parameters
    ----------
    path
        The folder, which exists.
    digest
        The keyed digest of texts (`Resources.arrival_digest`): names must betray no identifier.
    least_free_bytes
        What each file leaves free on the disk.
    """

    path: Path
    digest: Callable[..., str]
    least_free_bytes: int
    _place: tuple[int, int]

    @classmethod
    def open(cls, path: Path, digest: Callable[..., str], *, least_free_bytes: int) -> "DropFolder":
        """Open a folder, and remove what killed programs have left half-written in it.

        Raises
        ------
        UsageError
            There is no such folder, or it cannot be written.
        """
        try:
            place = _place(path)  # a folder that is not mounted must not be made
            (path / _DRAFTS).mkdir(mode=0o750, exist_ok=True)
            _remove_drafts(path / _DRAFTS)
        except OSError as error:
            raise UsageError(
                f"the drop folder {path} cannot be written: {error.strerror}"
            ) from error
        return cls(path, digest, least_free_bytes, place)

    def instance(self, uid: str) -> str:
        """Return what the names of an instance's files have in common, in 24 hexadecimal digits."""
        return self.digest("instance", uid)[:_UID_DIGITS]

    def has(self, uid: str) -> bool:
        """Whether a file of an instance is in the folder; raises NotKept if it cannot be listed."""
        instance = self.instance(uid)
        try:
            return any((self.path / instance[:_FOLDER_DIGITS]).glob(f"{instance}-*.dcm"))
        except OSError as error:
            raise NotKept(f"the drop folder cannot be read: {error.strerror}") from None

    def key(self, uid: str, content: bytes) -> str:
        """Return where a file lies in the folder: the same content of the same UID, in one place.

        The first part tells instances apart, the second what was sent under one UID.
        """
        instance = self.instance(uid)
        sent = self.digest("content", sha256(content).hexdigest())[:_CONTENT_DIGITS]
        return f"{instance[:_FOLDER_DIGITS]}/{instance}-{sent}.dcm"

    def keep(self, uid: str, content: bytes) -> KeptFile:
        """Write a whole file; once this returns, file and name are on disk.

        The same content of an instance is one file, however often it arrives. Another content
        under the same UID is a second file: which of them counts is judged when they are read.

        Parameters
        ----------
        uid
            The SOP instance UID, as whoever sent the file names it.
        content
            The DICOM file: preamble, file meta information and data set.

        Raises
        ------
        NotKept
            The disk is short or fails: the file is not there, and must be sent again.
        """
        self.check_room(len(content))
        key = self.key(uid, content)
        target = self.path / key
        try:
            is_new = not _has_size(target, len(content))
            if is_new:
                self._write(target, content)
            # Also where it was there: whoever wrote it may not have come this far.
            sync_folder(target.parent)
        except OSError as error:
            raise NotKept(f"the drop folder cannot be written: {error.strerror}") from None
        return KeptFile(key, is_new)

    def check_room(self, size: int = 0) -> None:
        """Refuse a file of so many bytes while the disk is short of room for it.

        Raises
        ------
        NotKept
            Less would stay free than the limit, or the folder is another one than was opened:
            its disk has gone.
        """
        try:
            if not self._is_opened():
                raise NotKept("another disk is mounted at the drop folder, or none")
            disk = os.statvfs(self.path)
        except OSError as error:
            raise NotKept(f"the drop folder cannot be used: {error.strerror}") from None
        free = disk.f_bavail * disk.f_frsize
        if free - size < self.least_free_bytes:
            raise NotKept(
                f"the disk of the drop folder is short: {free} bytes are free, and "
                f"{self.least_free_bytes} must stay so"
            )

    def _is_opened(self) -> bool:
        """Whether the path still leads to the folder that was opened, mounted anew or not.

        A disk that is mounted again may have another number; its folder keeps its own, and has our
        drafts, which the bare mount point has not.
        """
        place = _place(self.path)
        is_mounted_anew = place[1] == self._place[1] and (self.path / _DRAFTS).is_dir()
        return place == self._place or is_mounted_anew

    def _write(self, target: Path, content: bytes) -> None:
        draft = self.path / _DRAFTS / f"{secrets.token_hex(16)}.part"
        try:
            with open(draft, "xb", opener=_for_owner_and_group) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            target.parent.mkdir(mode=0o750, exist_ok=True)
            # Another program may have made the folder, and been killed before this.
            sync_folder(self.path)
            draft.rename(target)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _place(path: Path) -> tuple[int, int]:
    """Return which folder of which disk a path leads to."""
    status = (path / ".").stat()
    return status.st_dev, status.st_ino


def _has_size(path: Path, size: int) -> bool:
    """Whether a file is there, whole: the name says the rest of its content."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _remove_drafts(folder: Path) -> None:
    for draft in folder.iterdir():
        # Another program may be renaming it.
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
                draft.unlink()


def _for_owner_and_group(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o640)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
