"""The main job: score everything in the inbox that is new, exactly once."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from db import ledger, runs, scores
from db.ledger import Claim
from db.outcomes import Closed, Outcome
from db.reading import balances, model_versions
from db.reading.balances import Balance
from flows import resources
from flows.concurrency import at_once
from flows.library_messages import mute_libraries
from flows.resources import SOFTWARE
from flows.scoring import run as work
from flows.scoring.batch import score_claims
from flows.scoring.enlisting import enlist_listing
from flows.scoring.pipeline import Lanes
from flows.scoring.registration import model_version_id
from flows.scoring.run import Work
from flows.sources import open_inbox
from severity.domain import RESEARCH_USE_ONLY, State


@dataclass(frozen=True)
class Counts:
    """What became of images; of the scored, ``unlike`` are unlike known films."""

    scored: int = 0
    rejected: int = 0
    unlike: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.scored + other.scored,
            self.rejected + other.rejected,
            self.unlike + other.unlike,
        )


@dataclass(frozen=True)
class RunSummary:
    """What one run did, and the balance after it. Counts of images; no patient data.

    ``other_versions`` also scored images of this database.
    """

    model_version: str
    enlisted: int
    scored: int
    rejected: int
    unlike: int
    deferred: int
    unreadable_sidecars: int
    balance: Balance
    other_versions: tuple[str, ...]


@flow(name="score-inbox", validate_parameters=False)
async def score_inbox(inbox: str) -> RunSummary:
    """Score each new image of an inbox once. Safe to run again, and beside another run."""
    mute_libraries()
    have = resources.current()
    source = open_inbox(inbox, settle=timedelta(seconds=have.settings.settle_seconds))
    listing = await source.listing(now=datetime.now(UTC))
    run = Work(have.database, source, listing, uuid4(), model_version_id(have))
    work.hold.set(run)
    with runs.presence(run.database, run.run_id):
        _start(run)
        state = "failed"
        try:
            enlisted, deferred, broken = await enlist_new(run, have)
            done = await score_waiting(run, have)
            state = "finished"
        finally:
            _end(run, state)
    model_version = have.model.version.key
    with have.database.transaction() as session:
        summary = RunSummary(
            model_version=model_version,
            enlisted=enlisted,
            scored=done.scored,
            rejected=done.rejected,
            unlike=done.unlike,
            deferred=deferred,
            unreadable_sidecars=broken,
            balance=balances.balance(session, model_version),
            other_versions=tuple(model_versions.with_scores(session, but=model_version)),
        )
    await _report(summary)
    return summary


async def enlist_new(run: Work, have: resources.Resources) -> tuple[int, int, int]:
    """Enter what is new into the ledger: enlisted, left for later, sidecars unreadable."""
    listing = run.listing
    enlisted, unreadable = await enlist_listing(run, have)
    log = get_run_logger()
    log.info("enlisted %d new of %d objects", enlisted, len(listing.objects))
    if listing.unreadable_sidecars:
        log.warning(
            "%d sidecars are unreadable; their images wait", len(listing.unreadable_sidecars)
        )
    return enlisted, listing.deferred + unreadable, len(listing.unreadable_sidecars)


async def score_waiting(run: Work, have: resources.Resources) -> Counts:
    """Score batches, several in flight, until nothing waits."""
    numbers = count(1)
    done = Counts()

    async def lane(suspects: bool) -> None:  # noqa: FBT001 - `at_once` passes it on
        nonlocal done
        while batch := await score_batch(next(numbers), suspects=suspects):
            done += batch
            have.progress.advanced(scored=batch.scored, rejected=batch.rejected)

    with Lanes(have.settings, have.model) as lanes:
        work.lanes.set(lanes)
        # Counted anew in the end: other runs take some, and what they leave when they die waits.
        while waiting := await lanes.transact(_waiting, run):
            have.progress.waiting(waiting)
            await at_once(lanes.count, lane, [False] * lanes.count)
            await lane(suspects=True)
    have.progress.waiting(0)
    return done


@task(name="score-batch", cache_policy=NO_CACHE, persist_result=False)
async def score_batch(number: int, *, suspects: bool) -> Counts | None:
    """Claim a batch, score it, and write scores and ledger in one transaction.

    Parameters
    ----------
    suspects
        Claim one object that may kill the worker; only when no other batch is in flight.

    Returns
    -------
    What became of the batch; None if nothing waited.
    """
    run, lanes, have = work.hold.get(), work.lanes.get(), resources.current()
    async with lanes.turns.claiming:
        claims = await lanes.transact(_claim, run, have.settings.batch_size, suspects=suspects)
        if not claims:
            return None
        turn = lanes.turns.take()
    outcomes = await score_claims(claims, lanes=lanes, work=run, have=have)
    async with turn:
        closed = await lanes.transact(_close, run, outcomes)
    scored = sum(one.state == State.SCORED for one in closed)
    batch = Counts(
        scored, len(closed) - scored, unlike=sum(one.unlike is not None for one in closed)
    )
    get_run_logger().info(
        "batch %d of %d: %d scored, %d rejected",
        number,
        len(claims),
        batch.scored,
        batch.rejected,
    )
    return batch


def _waiting(run: Work) -> int:
    """Count what waits, with what dead runs held."""
    with run.database.transaction() as session:
        runs.release_abandoned(session)
    with run.database.transaction() as session:
        return ledger.waiting(session, run.inbox.location, model_version_id=run.model_version_id)


def _claim(run: Work, limit: int, *, suspects: bool) -> list[Claim]:
    """Take the next objects, after taking from dead runs what they held."""
    place, version = run.inbox.location, run.model_version_id
    with run.database.transaction() as session:
        runs.release_abandoned(session)
    with run.database.transaction() as session:
        if suspects:
            return ledger.claim_suspect(session, place, run.run_id, model_version_id=version)
        return ledger.claim(session, place, run.run_id, model_version_id=version, limit=limit)


def _close(run: Work, outcomes: Sequence[Outcome]) -> list[Closed]:
    with run.database.transaction() as session:
        return scores.close(session, run.run_id, outcomes, model_version_id=run.model_version_id)


def _start(run: Work) -> None:
    with run.database.transaction() as session:
        runs.start_run(
            session, run.run_id, model_version_id=run.model_version_id, software=SOFTWARE
        )


def _end(run: Work, state: str) -> None:
    with run.database.transaction() as session:
        runs.end_run(session, run.run_id, state)


async def _report(summary: RunSummary) -> None:
    """Leave the run's counts where Prefect shows them."""
    rows = {**asdict(summary), **{f"balance: {k}": v for k, v in asdict(summary.balance).items()}}
    del rows["balance"]
    rows["other_versions"] = ", ".join(summary.other_versions) or "none"
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    await acreate_markdown_artifact(
        key="score-inbox",
        markdown=f"| | |\n|---|---|\n{table}\n\n{RESEARCH_USE_ONLY}\n",
        description="What became of the images that this run saw",
    )
