"""Copying files out of their sources, under names that tell nothing."""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from db.reading.rejections import ObjectPlace, StoredObject
from flows.errors import InboxError, UsageError
from flows.sources.inbox import Inbox, open_inbox
from severity.dicom import as_dicom_file
from severity.errors import RejectedImage

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
    sources = _Sources()
    return [await _copy(stored, folder, sources) for stored in objects]


async def _copy(stored: StoredObject, folder: Path, sources: "_Sources") -> ExportedFile:
    problem = "gone"
    for place in stored.places:
        if place.gone_at is not None:
            continue
        try:
            content = await sources.read(place)
        except (RejectedImage, InboxError) as error:
            problem = str(error)
            continue
        if hashlib.sha256(content).hexdigest() == stored.content_sha256:
            name = f"{stored.object_id}{_ending(content)}"
            await asyncio.to_thread(_write, folder / name, content)
            return ExportedFile(stored, name=name)
    return ExportedFile(stored, problem=problem)


@dataclass
class _Sources:
    """The sources that files are read from, each opened once: one that is silent costs minutes."""

    opened: dict[str, Inbox] = field(default_factory=dict)
    failed: dict[str, InboxError] = field(default_factory=dict)

    async def read(self, place: ObjectPlace) -> bytes:
        if place.source in self.failed:
            raise self.failed[place.source]
        try:
            if place.source not in self.opened:
                self.opened[place.source] = open_inbox(place.source, settle=timedelta(0))
            return await self.opened[place.source].read(place.object_key)
        except InboxError as error:
            self.failed[place.source] = error
            raise


def _ending(content: bytes) -> str:
    if as_dicom_file(content) is not None:
        return ".dcm"
    return next((end for magic, end in _ENDINGS.items() if content.startswith(magic)), ".bin")


def _write(path: Path, content: bytes) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode=0o600)) as file:
        file.write(content)
