"""Files that appear as a whole, and that only their owner can read."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from flows.errors import UsageError


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yield a folder that gets this name when it is whole, and is removed if it fails.

    Raises
    ------
    UsageError
        The folder is not empty, or cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() and any(folder.iterdir()):
            raise UsageError("the folder is not empty: choose a new one")
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            yield draft
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise UsageError(f"the folder cannot be written: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Let the names of new files last through a power cut."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # a folder that may be written but not listed
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_file(path: Path) -> TextIO:
    """Open a new text file in UTF-8 that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")
