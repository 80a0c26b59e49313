"""Where the scored files of a source are moved: another folder or prefix of the same store.

A file is there before it is removed from the source, whenever a run is killed in between.
"""

import os
from pathlib import Path
from typing import Protocol

from flows.errors import InboxError
from flows.sources.bucket_archive import BucketArchive
from flows.sources.folder import Folder
from flows.sources.folder_archive import FolderArchive
from flows.sources.inbox import Inbox, open_inbox
from flows.sources.object_store import Bucket
from flows.sources.store import Addition


class Archive(Protocol):
    """The archive of one source."""

    @property
    def location(self) -> str:
        """Its identity in the ledger."""

    async def add(self, addition: Addition) -> str | None:
        """Put a file of the source into the archive; it stays in the source.

        Returns
        -------
        Its key there; None if it is gone from the source or was replaced.

        Raises
        ------
        InboxError
            The archive cannot be written.
        """

    async def remove(self, addition: Addition, archived_key: str) -> None:
        """Remove a file from the source that is in the archive; one that replaced it stays."""


def open_archive(inbox: Inbox, location: str) -> Archive:
    """Open the archive of a source.

    Raises
    ------
    InboxError
        It is not there, lies in the source or around it, or is of another store.
    """
    archive = open_inbox(location, settle=inbox.settle)
    if _overlap(inbox, archive):
        raise InboxError(
            f"{archive.location} is no archive of {inbox.location}: one is in the other"
        )
    match inbox.store, archive.store:
        case Folder(source), Folder(target) if _device(source) == _device(target):
            return FolderArchive(source, target)
        case Bucket() as source, Bucket() as target if _bucket(source) == _bucket(target):
            return BucketArchive.between(source, target)
    raise InboxError(
        f"{location} is no archive of {inbox.location}: it is not on the same file system, "
        "or not in the same bucket"
    )


def _overlap(inbox: Inbox, archive: Inbox) -> bool:
    """Whether one lies in the other, or is the same. A folder may have two paths, by mounts."""
    match inbox.store, archive.store:
        case Folder(source), Folder(target):
            return _is_among(source, target) or _is_among(target, source)
    return _lies_in(archive.location, inbox.location) or _lies_in(inbox.location, archive.location)


def _is_among(folder: Path, other: Path) -> bool:
    """Whether a folder is another one or above it."""
    status = folder.stat()
    return any(os.path.samestat(above.stat(), status) for above in (other, *other.parents))


def _lies_in(location: str, other: str) -> bool:
    return f"{location}/".startswith(f"{other}/")


def _device(folder: Path) -> int:
    return folder.stat().st_dev


def _bucket(bucket: Bucket) -> str:
    return "/".join(bucket.location.split("/")[:3])
