"""One run: the resources that it works on, from its beginning to its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar
from uuid import UUID, uuid4

from db import ledger, runs
from db.engine import Database, Transaction
from db.ledger import Claim
from flows.resources import SOFTWARE, Resources, current, using
from flows.scoring.registration import register_model_version
from flows.sources import Inbox, Listing, open_inbox
from severity.domain import ModelVersion, Reason
from severity.errors import IncompleteMetadata, WrongWeights
from severity.files.sidecar import SidecarRecord

if TYPE_CHECKING:
    from severity.models.scoring_model import ScoringModel

_TRANSACTIONS = 2  # at a time: one claims, one closes

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Discovery:
    """The objects that a run found in its inbox before it scored any, as counts.

    ``enlisted`` wait now that did not before; ``deferred`` are left for the next pass.
    """

    enlisted: int = 0
    deferred: int = 0
    unreadable_sidecars: int = 0


@dataclass(eq=False, kw_only=True)
class ScoringRun(Resources):
    """One execution of the scoring job: its resources, inbox, model version and counts.

    Functions that run in its context find it by `current_run`. ``listing`` is its survey of the
    inbox.
    """

    database: Database
    inbox: Inbox
    listing: Listing
    version: ModelVersion
    model_version_id: int
    run_id: UUID = field(default_factory=uuid4)
    discovery: Discovery = Discovery()
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_TRANSACTIONS, "transaction"), repr=False
    )

    def load_model(self) -> "ScoringModel":
        """Load the model that the run was begun with; it takes seconds.

        Raises
        ------
        WrongWeights
            The version of the loaded model is not the run's.
        """
        model = super().load_model()
        if model.version != self.version:
            raise WrongWeights(
                f"the model that was loaded is {model.version.key}, not {self.version.key}"
            )
        return model

    async def transact(
        self,
        function: Callable[Concatenate[Transaction, _Arguments], _Result],
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> _Result:
        """Call a function in a transaction of its own, in a thread of the run."""

        def transaction() -> _Result:
            with self.database.transaction() as session:
                return function(session, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._threads, transaction)

    async def count_waiting(self) -> int:
        """Count the images of the inbox that wait, after the claims of dead runs are released."""
        await self.transact(runs.release_abandoned)
        return await self.transact(
            ledger.waiting, self.inbox.location, model_version_id=self.model_version_id
        )

    async def record(self, claim: Claim) -> SidecarRecord | None:
        """Return the sidecar record that a claimed object was enlisted with.

        The database keeps no identifiers, so it is read from the sidecar; once more from the
        inbox if another run enlisted the object after this one had looked.

        Raises
        ------
        IncompleteMetadata
            The record has changed since; the object is enlisted again with the new one.
        """
        record = self.listing.record(claim.object_key)
        if self.record_sha256(record) == claim.record_sha256:
            return record
        record = await self.inbox.record(claim.object_key)
        if self.record_sha256(record) == claim.record_sha256:
            return record
        raise IncompleteMetadata(
            Reason.VANISHED, "its sidecar record changed after it was enlisted"
        )

    async def until_threads_end(self) -> None:
        """Wait for the transactions that have begun, even if their callers were cancelled."""
        await asyncio.to_thread(self._threads.shutdown)


async def prepare_run(location: str, resources: Resources) -> ScoringRun:
    """Open an inbox and the database, and register the model version; load no network.

    Raises
    ------
    InboxError
        The inbox cannot be opened.
    DatabaseError
        The database cannot be used.
    ModelUnavailable
        There is no such model, or the weights that are here are wrong.
    """
    inbox = open_inbox(location, settle=timedelta(seconds=resources.settings.settle_seconds))
    listing = inbox.listing(now=datetime.now(UTC))
    database = resources.open_database()
    registered = register_model_version(resources)
    return ScoringRun(
        resources.settings,
        resources.progress,
        resources.opened,
        database=database,
        inbox=inbox,
        listing=listing,
        version=registered.version,
        model_version_id=registered.row_id,
    )


@asynccontextmanager
async def under_way(run: ScoringRun) -> AsyncIterator[ScoringRun]:
    """Record a run and hold its presence; at the end, release the claims that it still holds.

    In between it is the `current_run` of this context.
    """
    with runs.presence(run.database, run.run_id), using(run):
        await run.transact(
            runs.start_run,
            run.run_id,
            model_version_id=run.model_version_id,
            software=SOFTWARE,
        )
        state = "failed"
        try:
            yield run
            state = "finished"
        finally:
            # Nothing is claimed or written behind a run that ended.
            await run.until_threads_end()
            with run.database.transaction() as session:
                runs.end_run(session, run.run_id, state)


def current_run() -> ScoringRun:
    """Return the run of this context.

    Raises
    ------
    LookupError
        No run is under way.
    """
    match current():
        case ScoringRun() as run:
            return run
        case _:
            raise LookupError("no scoring run is under way")
