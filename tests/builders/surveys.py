"""A whole survey of an inbox at once."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from flows.sources import Inbox, Listed, Listing, Portion, Unseen


@dataclass(frozen=True)
class Survey:
    """A listing after all its portions were drawn."""

    listing: Listing
    portions: tuple[Portion, ...]

    @property
    def objects(self) -> tuple[Listed, ...]:
        return tuple(item for portion in self.portions for item in portion.objects)

    @property
    def unseen(self) -> tuple[Unseen, ...]:
        return tuple(item for portion in self.portions for item in portion.unseen)

    @property
    def deferred(self) -> int:
        return sum(len(portion.deferred) for portion in self.portions)

    @property
    def keys(self) -> list[str]:
        return [item.key for item in self.objects]

    def patient(self, key: str) -> str | None:
        """Return the patient that a sidecar names for an object."""
        record = self.listing.record(key)
        return record.patient_id if record else None


def survey(inbox: Inbox, *, now: datetime, size: int = 100) -> Survey:
    """Draw all portions of a new listing."""

    async def drawn() -> Survey:
        listing = inbox.listing(now=now)
        return Survey(listing, tuple([portion async for portion in listing.portions(size)]))

    return asyncio.run(drawn())
