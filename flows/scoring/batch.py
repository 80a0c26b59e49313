"""One batch: from claimed objects to outcomes that can be written."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from db.ledger import Claim
from db.outcomes import Outcome, Rejected, Scored
from flows.resources import Resources
from flows.scoring.pipeline import Lanes, ReadyImage, Rejection
from flows.scoring.run import Work
from severity.domain import Reason, Score
from severity.errors import UnreadableImage
from severity.files.sidecar import SidecarRecord


@dataclass(frozen=True)
class IdentifiedImage(ReadyImage):
    """An image that can be scored and stored."""

    pixel_sha256: str


async def score_claims(
    claims: Sequence[Claim], *, lanes: Lanes, work: Work, have: Resources
) -> list[Outcome]:
    """Read, check and score claimed objects; one outcome each, in their order."""

    async def ready(claim: Claim) -> IdentifiedImage:
        record = await work.record(claim, have)
        content = await work.inbox.read(claim.object_key)
        return await lanes.decode(identified_image, content, record, claim=claim, lanes=lanes)

    answers = await lanes.push(claims, ready, have.model.score)
    return [_outcome(claim, answer, have) for claim, answer in zip(claims, answers, strict=True)]


def identified_image(
    content: bytes, sidecar: SidecarRecord | None, *, claim: Claim, lanes: Lanes
) -> IdentifiedImage:
    """Turn one object's bytes into an image that can be scored, or say why not."""
    if hashlib.sha256(content).hexdigest() != claim.content_sha256:
        raise UnreadableImage(Reason.VANISHED, "the object was replaced before it was scored")
    radiograph = lanes.read(content, sidecar, content_sha256=claim.content_sha256)
    model_input = lanes.network.prepare(radiograph.grey)
    return IdentifiedImage(radiograph.record, model_input, radiograph.pixel_sha256())


def _outcome(
    claim: Claim, answer: tuple[IdentifiedImage, Score] | Rejection, have: Resources
) -> Outcome:
    if isinstance(answer, Rejection):
        return Rejected(claim.ledger_id, answer.reason, answer.detail)
    image, score = answer
    return Scored(
        ledger_id=claim.ledger_id,
        patient_key=have.pseudonym(image.record.patient),
        record=image.record,
        pixel_sha256=image.pixel_sha256,
        score=score,
    )
