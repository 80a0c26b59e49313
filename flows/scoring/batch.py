"""One batch after another: claimed, read, prepared, inferred, closed."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from db import ledger, runs, scores
from db.ledger import Claim
from db.outcomes import Outcome, Rejected, Scored
from flows.concurrency import in_order
from flows.scoring.pipeline import FileContent, Network, Pipeline, PreparedImage, Rejection
from flows.scoring.run import ScoringRun
from flows.scoring.summary import Counts
from severity.domain import Reason, Score, State
from severity.errors import UnreadableImage
from severity.images.radiograph import Radiograph
from severity.models.scoring_model import ScoringModel


@dataclass(frozen=True)
class IdentifiedImage(PreparedImage):
    """A prepared image that can be stored."""

    pixel_sha256: str


async def score_batches(run: ScoringRun, *, seconds: float) -> AsyncGenerator[Counts, None]:
    """Score what waits, several batches in flight; yield what became of each, in claim order.

    Which of two files brings an image, and which repeats or contradicts it, is then what it
    would be if one batch followed another, and not a matter of how long each takes.

    Parameters
    ----------
    seconds
        After so long no further batch is claimed.
    """
    model = await asyncio.to_thread(run.load_model)
    until = time.monotonic() + seconds
    with Pipeline(run.settings, model) as pipeline:

        async def score(claims: Sequence[Claim]) -> list[Outcome]:
            return await score_claims(claims, run, pipeline, model)

        # A suspect may kill this worker: it comes when no other batch is in flight.
        for suspects, in_flight in ((False, pipeline.batches), (True, 1)):
            batches = in_order(in_flight, score, _claims(run, suspects=suspects, until=until))
            async with aclosing(batches):
                async for outcomes in batches:
                    yield await close(outcomes, run)


async def _claims(run: ScoringRun, *, suspects: bool, until: float) -> AsyncIterator[list[Claim]]:
    while time.monotonic() < until and (claims := await claim(run, suspects=suspects)):
        yield claims


async def claim(run: ScoringRun, *, suspects: bool) -> list[Claim]:
    """Take the next objects, after taking from dead runs what they held.

    Parameters
    ----------
    suspects
        Take one object that may kill the worker; only when no other batch is in flight.
    """
    place, version = run.inbox.location, run.model_version_id
    await run.transact(runs.release_abandoned)
    if suspects:
        return await run.transact(ledger.claim_suspect, place, run.run_id, model_version_id=version)
    return await run.transact(
        ledger.claim,
        place,
        run.run_id,
        model_version_id=version,
        limit=run.settings.batch_size,
    )


async def score_claims(
    claims: Sequence[Claim], run: ScoringRun, pipeline: Pipeline, model: ScoringModel
) -> list[Outcome]:
    """Read, prepare and infer claimed objects; one outcome each, in their order."""

    async def prepare(claim: Claim) -> IdentifiedImage:
        return await pipeline.decode(await read(claim, run), identified_image)

    images = await pipeline.prepare(claims, prepare)
    answers = await pipeline.infer(images, model.score)
    return [_outcome(claim, answer, run) for claim, answer in zip(claims, answers, strict=True)]


async def read(claim: Claim, run: ScoringRun) -> FileContent:
    """Read a claimed object, and what its sidecar said when it was enlisted.

    Raises
    ------
    RejectedImage
        It is gone, or is not what it was when it was enlisted.
    """
    record = await run.record(claim)
    content = await run.inbox.read(claim.object_key)
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
    if sha256 != claim.content_sha256:
        raise UnreadableImage(Reason.VANISHED, "the object was replaced before it was scored")
    return FileContent(content, record, sha256)


def identified_image(radiograph: Radiograph, network: Network) -> IdentifiedImage:
    """Reduce a radiograph to what the network sees of it and what identifies it."""
    model_input = network.prepare(radiograph.grey)
    return IdentifiedImage(radiograph.record, model_input, radiograph.pixel_sha256())


async def close(outcomes: Sequence[Outcome], run: ScoringRun) -> Counts:
    """Write a batch's scores, and close its claims in the same transaction."""
    closed = await run.transact(
        scores.close, run.run_id, outcomes, model_version_id=run.model_version_id
    )
    scored = sum(entry.state == State.SCORED for entry in closed)
    out_of_distribution = sum(entry.out_of_distribution is not None for entry in closed)
    return Counts(scored, len(closed) - scored, out_of_distribution)


def _outcome(
    claim: Claim, answer: tuple[IdentifiedImage, Score] | Rejection, run: ScoringRun
) -> Outcome:
    if isinstance(answer, Rejection):
        return Rejected(claim.ledger_id, answer.reason, answer.detail)
    image, score = answer
    return Scored(
        ledger_id=claim.ledger_id,
        patient_key=run.pseudonym(image.record.patient),
        record=image.record,
        pixel_sha256=image.pixel_sha256,
        score=score,
    )
