"""One run: the resources that it works on, from its beginning to its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from db import stage_times
from db.engine import Database, Transaction
from db.ledger import claiming, runs, sources
from db.ledger.claiming import Claim, Queue
from db.ledger.presence import Presence, RunKind, start_run
from db.ledger.sources import Source
from db.rescoring import giving_way
from flows.courses.update import update_batch
from flows.errors import InboxError
from flows.operations.event_log import EventLog, RunEvents
from flows.operations.stopwatch import Stopwatch
from flows.resources import SOFTWARE, Resources, current, using
from flows.scoring.naming import label_among, source_label
from flows.scoring.registration import register_model_version
from flows.settings import SourceSettings
from flows.sources import Archive, Inbox, Listing, open_archive, open_inbox
from severity.domain import ModelVersion, Reason
from severity.errors import IncompleteMetadata, WrongWeights
from severity.files.sidecar import UNNAMED, SidecarRecord

if TYPE_CHECKING:
    from severity.models.scoring_model import ScoringModel

_TRANSACTIONS = 2  # at a time: one claims, one closes
_SECONDS_OF_GIVING_WAY = 2  # after which it is asked again whether a pass is at work

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Discovery:
    """What a run saw in its inbox before it scored anything, as counts.

    ``enlisted`` wait now that did not before; ``deferred`` are left for the next pass.
    ``seems_unmounted`` means that the inbox is empty although objects lay there before, and
    ``missed`` counts the files where most are gone at once. Neither is believed.
    """

    enlisted: int = 0
    deferred: int = 0
    unreadable_sidecars: int = 0
    seems_unmounted: bool = False
    missed: int = 0


@dataclass(eq=False, kw_only=True)
class ScoringRun(Resources):
    """One execution of the scoring job: its resources, inbox, model version and counts.

    Functions that run in its context find it by `current_run`. A rescoring claims nothing while a
    pass is at work.
    """

    database: Database
    inbox: Inbox
    source: Source
    version: ModelVersion
    queue: Queue
    presence: Presence
    listing: Listing
    source_settings: SourceSettings
    archive: Archive | None = None
    discovery: Discovery = Discovery()
    events: RunEvents = field(default_factory=lambda: RunEvents(None), repr=False)
    stopwatch: Stopwatch = field(default_factory=Stopwatch, repr=False)
    _archives: dict[str, Inbox] = field(default_factory=dict, repr=False)
    _away: dict[str, str] = field(default_factory=dict, repr=False)
    kind: RunKind = RunKind.PASS
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_TRANSACTIONS, "transaction"), repr=False
    )

    @property
    def run_id(self) -> int:
        """The id of the run's row."""
        return self.presence.run_id

    @property
    def label(self) -> str:
        """What logs and Prefect's page call the run's source."""
        return label_among(self.source_settings, self.settings.all_sources)

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

    async def release_abandoned(self, *, is_thorough: bool = True) -> None:
        """Release the claims of dead runs, once this one has shown that it lives."""
        loop = asyncio.get_running_loop()
        if await loop.run_in_executor(self._threads, self.presence.renew):
            await self.transact(self.check_secret)
        await self.transact(runs.release_abandoned, is_thorough=is_thorough)

    async def must_give_way(self) -> bool:
        """Return whether a pass is at work whose images go before this run's."""
        if self.kind is not RunKind.RESCORE:
            return False
        return await self.transact(giving_way.is_pass_at_work)

    async def give_way(self) -> None:
        """Wait as long as a pass is at work whose images go before this run's."""
        while await self.must_give_way():
            await asyncio.sleep(_SECONDS_OF_GIVING_WAY)
            await self.release_abandoned()  # else a dead pass would be waited for

    async def count_waiting(self) -> int:
        """Count the objects of the inbox that wait, after the claims of dead runs are released."""
        await self.release_abandoned()
        return await self.transact(claiming.count_waiting, self.queue)

    async def update_courses(self) -> int:
        """Compute the courses of all persons who are due; return of how many that was."""
        persons = 0
        while (batch := await self.transact(update_batch)).entries:
            persons += batch.persons
        return persons

    async def learn_parameters(self) -> bool:
        """Learn the parameters of courses here, at most once a week; return whether it was done."""
        # Imported here: SciPy's statistics take half a second, which an empty pass does without.
        from flows.courses.learning import learn_weekly  # noqa: PLC0415

        return await asyncio.get_running_loop().run_in_executor(
            self._threads, learn_weekly, self.database, self.queue.model_version_id
        )

    async def store_stage_times(self) -> None:
        """Add the time that images spent in each stage to what the database knows of it."""
        if times := self.stopwatch.taken():
            await self.transact(stage_times.add, self.queue, times)

    async def record(self, claim: Claim, key: str) -> SidecarRecord | None:
        """Return the sidecar record that a claimed object was enlisted with.

        An object that was accepted before has one that names nobody: whom it shows is stored, and
        sidecars of later nights replace those of earlier ones. The database keeps no identifiers,
        so any other's is read from the sidecar; once more from the inbox if another run enlisted
        the object after this one had looked.

        Raises
        ------
        IncompleteMetadata
            The record has changed since; the object is enlisted again with the new one.
        """
        if claim.is_judged:
            return UNNAMED
        record = self.listing.record(key)
        if self.record_sha256(record) != claim.record_sha256:
            record = await self.inbox.record(key)
        if self.record_sha256(record) != claim.record_sha256:
            raise IncompleteMetadata(
                Reason.VANISHED, "its sidecar record changed after it was enlisted"
            )
        return record

    def inbox_of(self, claim: Claim) -> Inbox:
        """Return where a claimed object is to be read: the run's inbox, or an archive of it.

        Raises
        ------
        InboxError
            The archive cannot be opened.
        """
        if claim.archive is None:
            return self.inbox
        if claim.archive not in self._archives:
            self._archives[claim.archive] = open_inbox(claim.archive, settle=timedelta(0))
        return self._archives[claim.archive]

    def can_read(self, claim: Claim) -> bool:
        """Whether the place of a claimed object can be opened, as an archive of before may not.

        What lies in one that is away is not gone: the run keeps its claim, which is released at its
        end, and scores all else.
        """
        if claim.archive in self._away:
            return False
        try:
            self.inbox_of(claim)
        except InboxError as error:
            self._away[str(claim.archive)] = str(error)
        return claim.archive not in self._away

    @property
    def archives_away(self) -> str:
        """Which archives cannot be opened, and what waits for them; empty if all can."""
        if not self._away:
            return ""
        return f"What lies in an archive waits: {'; '.join(self._away.values())}."

    async def until_threads_end(self) -> None:
        """Wait for the transactions that have begun, even if their callers were cancelled."""
        await asyncio.to_thread(self._threads.shutdown)


@asynccontextmanager
async def under_way(
    location: str, resources: Resources, kind: RunKind = RunKind.PASS
) -> AsyncIterator[ScoringRun]:
    """Record a run and show its presence; at the end, release the claims that it still holds.

    In between it is the `current_run` of this context. No network is loaded.

    Raises
    ------
    InboxError
        The inbox cannot be opened, or is the archive of another one.
    DatabaseError
        The database cannot be used.
    ModelUnavailable
        There is no such model, or the weights that are here are wrong.
    """
    settings, known = resources.settings, resources.settings.source_at(location)
    inbox = open_inbox(location, settle=timedelta(seconds=settings.settle_seconds))
    source_settings = _settings_of(inbox, known)
    archive = open_archive(inbox, source_settings.archive) if source_settings.archive else None
    database = resources.open_database()
    registered = register_model_version(resources)
    try:
        with database.transaction() as session:
            source = sources.register(
                session, inbox.location, zone=settings.timezone, name=known.name if known else None
            )
    except LookupError as error:
        raise InboxError(f"{inbox.location} cannot be listed: {error}") from error
    queue = Queue(source.id, registered.row_id)
    with start_run(database, queue, software=SOFTWARE, kind=kind) as presence:
        run = ScoringRun(
            settings,
            resources.progress,
            resources.opened,
            database=database,
            inbox=inbox,
            source=source,
            version=registered.version,
            queue=queue,
            presence=presence,
            listing=inbox.listing(now=datetime.now(UTC)),
            source_settings=source_settings,
            archive=archive,
            kind=kind,
        )
        run.events = _events(run)
        with using(run):
            async with _recorded(run):
                # Now that others see this connection, they renew the secret no more.
                await run.transact(run.check_secret)
                yield run


def _settings_of(inbox: Inbox, known: SourceSettings | None) -> SourceSettings:
    """Return the settings of an inbox; one that is not set is called by its label."""
    named = known or SourceSettings(name=source_label(inbox.location), location=inbox.location)
    return named.model_copy(update={"location": inbox.location})


def _events(run: ScoringRun) -> RunEvents:
    about = {"run": run.run_id, "source": run.label, "model_version": run.version.key}
    return RunEvents(EventLog.of(run.settings), about)


@asynccontextmanager
async def _recorded(run: ScoringRun) -> AsyncIterator[None]:
    """Record how a run ends; one that misses what was there is no success."""
    state = "failed"
    try:
        yield
        state = "failed" if run.discovery.missed else "finished"
    finally:
        # Nothing is claimed or written behind a run that ended.
        await run.until_threads_end()
        run.events.end(state, asdict(run.discovery))
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
