"""What a run holds. In a module of its own: Prefect pickles the module of a flow that it serves."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from db.engine import Database
from db.ledger import Claim
from flows.inbox import Inbox, Listing
from flows.resources import Resources
from severity.domain import Reason
from severity.errors import IncompleteMetadata
from severity.sidecar import SidecarRecord


@dataclass
class Work:
    """One run's hold on the database and the inbox, and what it last found there."""

    database: Database
    inbox: Inbox
    listing: Listing
    run_id: UUID
    model_version_id: int

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
            found = self.listing.record(claim.object_key)
            if have.record_sha256(found) == claim.record_sha256:
                return found
            if attempt == 0:
                self.listing = await self.inbox.listing(now=datetime.now(UTC))
        raise IncompleteMetadata(Reason.VANISHED, "what the sidecar said of it has changed")


# Prefect keeps and shows what a task is called with, so a task is called with a number and
# finds its run here.
hold: ContextVar[Work] = ContextVar("hold")
