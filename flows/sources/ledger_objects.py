"""Objects of the ledger, read again from where they lie."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from db.reading.site.rejections import ObjectPlace
from flows.errors import InboxError
from flows.sources.inbox import Inbox, open_inbox
from flows.sources.keys import unnumbered
from severity.domain import Reason
from severity.errors import RejectedImage, UnreadableImage
from severity.files.sidecar import SidecarRecord


@dataclass(frozen=True)
class ObjectContent:
    """The content of an object, and where it lies."""

    content: bytes
    place: ObjectPlace


class LedgerObjects:
    """Reads objects whose content is known; each source is opened once: a silent one costs minutes.

    Inside one event loop.
    """

    def __init__(self) -> None:
        self._opened: dict[str, Inbox] = {}
        self._failed: dict[str, InboxError] = {}

    async def read(self, content_sha256: str, places: Sequence[ObjectPlace]) -> ObjectContent:
        """Read an object from the first place where it still lies with the content that was judged.

        Raises
        ------
        UnreadableImage
            It is gone or replaced, or no place can be read; the message says which, and names none.
        """
        problem = "gone"
        for place in places:
            if place.gone_at is not None:
                continue
            try:
                read = await self._read(place)
            except (RejectedImage, InboxError) as error:
                problem = str(error)
                continue
            if await asyncio.to_thread(_sha256, read.content) == content_sha256:
                return read
        raise UnreadableImage(Reason.VANISHED, problem)

    async def record(self, place: ObjectPlace) -> SidecarRecord | None:
        """Return the sidecar record of an object, as the sidecars are now; None if there is none.

        Sidecars stay in the source when it is archived, where its name may have got a number.

        Raises
        ------
        RejectedImage
            A sidecar cannot be read, or the source.
        """
        source = place.archive_of or place.source
        keys = (place.object_key, unnumbered(place.object_key))
        try:
            for key in keys if place.archive_of else keys[:1]:
                async with self._inbox(source) as inbox:
                    if record := await inbox.record(key):
                        return record
        except InboxError as error:
            raise UnreadableImage(Reason.VANISHED, str(error)) from error
        return None

    async def _read(self, place: ObjectPlace) -> ObjectContent:
        async with self._inbox(place.source) as inbox:
            return ObjectContent(await inbox.read(place.object_key), place)

    @asynccontextmanager
    async def _inbox(self, location: str) -> AsyncIterator[Inbox]:
        """Open a source, unless it failed before."""
        if location in self._failed:
            raise self._failed[location]
        try:
            if location not in self._opened:
                self._opened[location] = open_inbox(location, settle=timedelta(0))
            yield self._opened[location]
        except InboxError as error:
            self._failed[location] = error
            raise


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
