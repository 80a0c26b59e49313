"""Copying files out of their sources, under names that tell nothing."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from db.reading.site.rejections import StoredObject
from flows.errors import UsageError
from flows.sources.ledger_objects import LedgerObjects
from severity.dicom import as_dicom_file
from severity.errors import UnreadableImage

_ENDINGS = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg"}


@dataclass(frozen=True)
class ExportedFile:
    """What became of an object: the name of its copy, or why there is none."""

    stored: StoredObject
    name: str = ""
    problem: str = ""


def export(objects: Sequence[StoredObject], folder: Path) -> list[ExportedFile]:
    """Copy objects into a new folder that only its owner can open.

    A file that no longer has the content that was judged counts as gone.

    Raises
    ------
    UsageError
        The folder is not empty, or cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError("the folder is not empty: choose a new one")
        return asyncio.run(_copy_all(objects, folder))
    except OSError as error:
        raise UsageError(f"the folder cannot be written: {error.strerror}") from error


async def _copy_all(objects: Sequence[StoredObject], folder: Path) -> list[ExportedFile]:
    reader = LedgerObjects()
    return [await _copy(stored, folder, reader) for stored in objects]


async def _copy(stored: StoredObject, folder: Path, reader: LedgerObjects) -> ExportedFile:
    try:
        content = (await reader.read(stored.content_sha256, stored.places)).content
    except UnreadableImage as error:
        return ExportedFile(stored, problem=str(error))
    name = f"{stored.object_id}{_ending(content)}"
    await asyncio.to_thread(_write, folder / name, content)
    return ExportedFile(stored, name=name)


def _ending(content: bytes) -> str:
    if as_dicom_file(content) is not None:
        return ".dcm"
    return next((end for magic, end in _ENDINGS.items() if content.startswith(magic)), ".bin")


def _write(path: Path, content: bytes) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode=0o600)) as file:
        file.write(content)
