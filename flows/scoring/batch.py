"""Batches, one after another: each is claimed, read, prepared, inferred and closed."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass

from db.closing import scores
from db.closing.outcomes import Closed, Outcome, Rejected, Scored, Unreachable
from db.ledger import claiming
from db.ledger.claiming import Claim
from db.ledger.lock import await_disk
from flows.concurrency import in_order
from flows.scoring.pipeline import FileContent, InferenceNetwork, Pipeline, PreparedImage, Rejection
from flows.scoring.run import ScoringRun
from flows.scoring.summary import Counts
from severity.domain import Fate, Reason, Score
from severity.errors import UnreadableImage
from severity.images.radiograph import Radiograph
from severity.models.scoring_model import ScoringModel


@dataclass(frozen=True)
class IdentifiedImage(PreparedImage):
    """A prepared image that can be stored."""

    pixel_sha256: str


async def score_batches(run: ScoringRun, *, seconds: float) -> AsyncGenerator[Counts, None]:
    """Score the objects that wait, with several batches in flight; yield the counts of each.

    Batches commit in claim order, so that which of two conflicting files is scored does not
    depend on timing.

    Parameters
    ----------
    seconds
        The time after which no further batch is claimed.
    """
    model = await asyncio.to_thread(run.load_model)
    deadline = time.monotonic() + seconds
    with Pipeline(run.settings, model, stopwatch=run.stopwatch) as pipeline:

        async def score(claims: Sequence[Claim]) -> list[Outcome]:
            return await score_claims(list(filter(run.can_read, claims)), run, pipeline, model)

        # A suspect may kill this worker: it is claimed when no other batch is in flight.
        for suspects, in_flight in ((False, pipeline.batches), (True, 1)):
            batches = in_order(in_flight, score, _claims(run, suspects=suspects, deadline=deadline))
            async with aclosing(batches):
                async for outcomes in batches:
                    yield await close(outcomes, run)
    await run.store_stage_times()


async def _claims(
    run: ScoringRun, *, suspects: bool, deadline: float
) -> AsyncIterator[list[Claim]]:
    last = 0
    while time.monotonic() < deadline:
        claims = await claim(run, suspects=suspects, after=last)
        if not claims:
            return
        yield claims
        last = claims[-1].work_id


async def claim(run: ScoringRun, *, suspects: bool, after: int = 0) -> list[Claim]:
    """Claim the next objects, after the claims of dead runs are released.

    It claims nothing if the run must give way, which rests once all that it holds is closed.

    Parameters
    ----------
    suspects
        Claim one object that may kill the worker; only when no other batch is in flight.
    after
        The work that the run claimed last.
    """
    await run.release_abandoned(is_thorough=False)
    if await run.must_give_way():
        return []
    if suspects:
        return await run.transact(claiming.claim_suspect, run.queue, run.run_id)
    limit = run.settings.batch_size
    return await run.transact(claiming.claim, run.queue, run.run_id, limit=limit, after=after)


async def score_claims(
    claims: Sequence[Claim], run: ScoringRun, pipeline: Pipeline, model: ScoringModel
) -> list[Outcome]:
    """Read, prepare and infer claimed objects; return one outcome each, in their order."""

    async def prepare(claim: Claim) -> IdentifiedImage:
        return await pipeline.decode(await read(claim, run), identified_image)

    images = await pipeline.prepare(claims, prepare)
    results = await pipeline.infer(images, model.score)
    return [_outcome(claim, result, run) for claim, result in zip(claims, results, strict=True)]


async def read(claim: Claim, run: ScoringRun) -> FileContent:
    """Read a claimed object, and the sidecar record that it was enlisted with.

    Raises
    ------
    RejectedImage
        The object is gone, or it or its record has changed since it was enlisted.
    """
    key = claim.object_key
    if key is None:
        raise UnreadableImage(Reason.VANISHED, "it is no longer where it was seen")
    with run.stopwatch.timed("read"):
        record = await run.record(claim, key)
        content = await run.inbox_of(claim).read(key)
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
    if sha256 != claim.content_sha256:
        raise UnreadableImage(Reason.VANISHED, "the object was replaced before it was scored")
    return FileContent(content, record, run.derived_uids(sha256))


def identified_image(radiograph: Radiograph, network: InferenceNetwork) -> IdentifiedImage:
    """Reduce a radiograph to the network's input and its hash."""
    model_input = network.prepare(radiograph.grey)
    return IdentifiedImage(radiograph.record, model_input, radiograph.pixel_sha256())


async def close(outcomes: Sequence[Outcome], run: ScoringRun) -> Counts:
    """Write a batch's scores, and close its claims in the same transaction."""
    with run.stopwatch.timed("write", len(outcomes)):
        closed = await run.transact(scores.close, run.queue, run.run_id, outcomes)
        await run.transact(await_disk)
    counts = _counts(closed)
    run.events.batch(asdict(counts))
    return counts


def _counts(closed: Sequence[Closed]) -> Counts:
    fates = [entry.fate for entry in closed]
    return Counts(
        scored=fates.count(Fate.SCORED),
        rejected=fates.count(Fate.REJECTED),
        failed=fates.count(Fate.FAILED),
        vanished=fates.count(Fate.VANISHED),
        out_of_distribution=sum(entry.out_of_distribution is not None for entry in closed),
    )


def _outcome(
    claim: Claim, result: tuple[IdentifiedImage, Score] | Rejection, run: ScoringRun
) -> Outcome:
    if isinstance(result, Rejection):
        if result.reason is Reason.VANISHED:
            return Unreachable(
                claim.work_id,
                claim.object_key,
                result.detail,
                is_archived=claim.archive is not None,
            )
        return Rejected(claim.work_id, result.reason, result.detail)
    image, score = result
    return Scored(
        work_id=claim.work_id,
        patient_key=run.pseudonym(image.record.patient),
        unissued_key=run.unissued_pseudonym(image.record.patient),
        record=image.record,
        pixel_sha256=image.pixel_sha256,
        score=score,
        station_key=run.station_key(image.record.device),
    )
