"""A path that was opened for what it is and where it really lies, before anything is read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class OpenedPath:
    """A file or folder that stays the same one, whatever becomes of the path that led to it.

    ``handle`` is a path to exactly it, and ``real`` its place without links, as the kernel
    knows it.
    """

    status: os.stat_result
    handle: bytes
    real: bytes

    def lies_below(self, folder: bytes) -> bool:
        """Whether it lies in a folder, given by its real place, or is that folder."""
        return self.real == folder or self.real.startswith(folder.rstrip(b"/") + b"/")


@contextmanager
def opened(path: bytes) -> Iterator[OpenedPath]:
    """Open a path, following links. Nothing waits for a pipe, and no device notices.

    Raises
    ------
    OSError
        There is nothing, or a folder above it must not be searched.
    """
    descriptor = os.open(path, os.O_PATH)
    try:
        handle = b"/proc/self/fd/%d" % descriptor
        real = os.readlink(handle)  # noqa: PTH115 - as bytes: a name may be in any encoding
        yield OpenedPath(os.fstat(descriptor), handle, real)
    finally:
        os.close(descriptor)
