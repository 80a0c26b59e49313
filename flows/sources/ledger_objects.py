"""Objects of the ledger, read again from where they lie."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from db.reading.site.rejections import ObjectPlace
from flows.errors import InboxError
from flows.sources.inbox import Inbox, open_inbox
from severity.domain import Reason
from severity.errors import RejectedImage, UnreadableImage


@dataclass(frozen=True)
class ObjectContent:
    """The content of an object, and where it lay."""

    content: bytes
    inbox: Inbox
    key: str


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

    async def _read(self, place: ObjectPlace) -> ObjectContent:
        if place.source in self._failed:
            raise self._failed[place.source]
        try:
            if place.source not in self._opened:
                self._opened[place.source] = open_inbox(place.source, settle=timedelta(0))
            inbox = self._opened[place.source]
            return ObjectContent(await inbox.read(place.object_key), inbox, place.object_key)
        except InboxError as error:
            self._failed[place.source] = error
            raise


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
