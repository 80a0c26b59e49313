"""The inbox: a drop folder or an object store, behind one small interface."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from flows.errors import InboxError
from flows.lost_mounts import no_answer, within
from flows.settings import is_bucket, resolved
from flows.sources.folder import Folder
from flows.sources.keys import places
from flows.sources.listing import Listing
from flows.sources.object_store import open_bucket
from flows.sources.sidecars import SidecarReader, described
from flows.sources.store import Store
from severity.domain import Reason
from severity.errors import (
    ImageOutsideLimits,
    InaccessibleImage,
    IncompleteMetadata,
    RejectedImage,
    UnreadableSidecar,
)
from severity.files.sidecar import SIDECAR_NAMES, SidecarRecord, SidecarRecords
from severity.images.limits import MOST_BYTES


@dataclass(frozen=True)
class Inbox:
    """Where new images arrive. ``location`` is its identity in the ledger."""

    location: str
    store: Store
    settle: timedelta

    def listing(self, *, now: datetime) -> Listing:
        """Return a survey of what lies in it; nothing is listed before its portions are drawn."""
        return Listing(self._reader, settle=self.settle, now=now)

    async def record(self, key: str) -> SidecarRecord | None:
        """Return the record of an object in the nearest sidecar, as the sidecars are now.

        For an object that another run enlisted; a `Listing` knows those that it yielded, and
        whether a record could mean several objects: compare this one with what was enlisted.

        Raises
        ------
        IncompleteMetadata
            A sidecar that may describe the object cannot be read: it waits for a readable one.
        InboxError
            The inbox does not answer.
        """
        try:
            for folder, relative in places(key):
                record = described(await self._sidecars_of(folder), relative)
                if record is not None:
                    return record
        except (UnreadableSidecar, InaccessibleImage, ImageOutsideLimits):  # or two contradict
            raise IncompleteMetadata(Reason.VANISHED, "its sidecar cannot be read") from None
        return None

    async def _sidecars_of(self, folder: str) -> list[SidecarRecords]:
        sidecars = []
        for name in SIDECAR_NAMES:
            try:
                key = name if folder == "." else f"{folder}/{name}"
                sidecars.append(await self._reader.read(key))
            except (InaccessibleImage, ImageOutsideLimits):
                raise
            except RejectedImage:
                continue  # there is none
        return sidecars

    @cached_property
    def _reader(self) -> SidecarReader:
        return SidecarReader(self.store)

    async def read(self, key: str, *, fingerprint: str | None = None) -> bytes:
        """Read an object.

        Parameters
        ----------
        fingerprint
            As it was listed; an object with another one counts as vanished: it may be half
            replaced.

        Raises
        ------
        RejectedImage
            The object is beyond the limit on bytes, or is gone. An `InaccessibleImage` is still
            there, and cannot be opened.
        InboxError
            The inbox does not answer.
        """
        return await self.store.read(key, most_bytes=MOST_BYTES, fingerprint=fingerprint)


def open_inbox(location: str, *, settle: timedelta) -> Inbox:
    """Open a drop folder, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://container/prefix``.

    The credentials and endpoint of an object store are read from its provider's usual variables:
    ``AWS_*``, ``GOOGLE_*`` or ``AZURE_*``.

    Parameters
    ----------
    settle
        Age before which an object counts as half-written.

    Raises
    ------
    InboxError
        There is no such folder, it does not answer, or the location is of another kind.
    """
    if is_bucket(location):
        bucket = open_bucket(location)
        # Objects appear whole in a store, so they need no time to settle.
        return Inbox(bucket.location, bucket, timedelta(0))
    if "://" in location and not location.startswith("file://"):
        raise InboxError(f"{location} is neither a folder nor s3://, gs:// or az://bucket/prefix")
    try:
        folder = Path(resolved(location))
        if not within(folder, folder.is_dir):
            raise InboxError(f"{folder} is not a folder")
    except TimeoutError:
        raise InboxError(no_answer(location)) from None
    except (OSError, RuntimeError) as error:  # a circle of links, or no such user after "~"
        raise InboxError(f"{location} is not a folder that can be opened") from error
    return Inbox(str(folder), Folder(folder), settle)
