"""What a run holds. In a module of its own: Prefect pickles the module of a flow that it serves."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from db.engine import Database
from db.ledger import Claim
from flows.resources import Resources
from flows.scoring.pipeline import Lanes
from flows.sources import Inbox, Listing
from severity.domain import Reason
from severity.errors import IncompleteMetadata
from severity.files.sidecar import SidecarRecord


@dataclass
class Work:
    """One run's hold on the database and the inbox, and what it last found there."""

    database: Database
    inbox: Inbox
    listing: Listing
    run_id: UUID
    model_version_id: int
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def record(self, claim: Claim, have: Resources) -> SidecarRecord | None:
        """Find again what the sidecar said of a claimed object when it was enlisted.

        The database keeps no identifiers, so it is read from the sidecar; once more from the
        inbox if another run enlisted the object after this one had looked.

        Raises
        ------
        IncompleteMetadata
            The sidecar says something else by now; as such it is enlisted anew.
        """
        for attempt in range(2):
            listing = self.listing
            found = listing.record(claim.object_key)
            if have.record_sha256(found) == claim.record_sha256:
                return found
            if attempt == 0:
                await self._look_again(listing)
        raise IncompleteMetadata(Reason.VANISHED, "what the sidecar said of it has changed")

    async def _look_again(self, seen: Listing) -> None:
        """Look into the inbox again, unless another lane has since ``seen`` was found."""
        async with self._looking:
            if self.listing is seen:
                self.listing = await self.inbox.listing(now=datetime.now(UTC))


# Prefect keeps and shows what a task is called with, so a task is called with a number and
# finds its run here, and the lanes that its batches share.
hold: ContextVar[Work] = ContextVar("hold")
lanes: ContextVar[Lanes] = ContextVar("lanes")
