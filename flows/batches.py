"""One batch: from claimed objects to outcomes that can be written."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from db.ledger import Claim
from db.scores import Outcome, Rejected, Scored
from flows.at_once import at_once
from flows.resources import Resources
from flows.work import Work
from severity.domain import ImageRecord, Reason
from severity.errors import RejectedImage, UnreadableImage
from severity.reading import read_radiograph
from severity.sidecar import SidecarRecord


@dataclass(frozen=True)
class ReadyImage:
    """An image that passed every check, reduced to what scoring and the database need."""

    record: ImageRecord
    pixel_sha256: str
    model_input: NDArray[np.float32]


async def score_claims(claims: Sequence[Claim], *, work: Work, have: Resources) -> list[Outcome]:
    """Read, check and score claimed objects; one outcome each, in any order."""

    async def prepare(claim: Claim) -> ReadyImage | Rejected:
        try:
            return await _prepare(claim, work, have)
        except RejectedImage as rejected:
            return Rejected(claim.ledger_id, rejected.reason, str(rejected))

    prepared = await at_once(have.settings.decoders, prepare, claims)
    ready = [
        (claim, image)
        for claim, image in zip(claims, prepared, strict=True)
        if isinstance(image, ReadyImage)
    ]
    outcomes: list[Outcome] = [image for image in prepared if isinstance(image, Rejected)]
    return outcomes + await asyncio.to_thread(_score, ready, have)


async def _prepare(claim: Claim, work: Work, have: Resources) -> ReadyImage:
    content = await work.inbox.read(claim.object_key)
    return await asyncio.to_thread(
        ready_image,
        content,
        await work.record(claim, have),
        expected_sha256=claim.content_sha256,
        zone=have.settings.zone,
    )


def ready_image(
    content: bytes, sidecar: SidecarRecord | None, *, expected_sha256: str, zone: tzinfo
) -> ReadyImage:
    """Turn one file's bytes into an image that can be scored, or say why not."""
    if hashlib.sha256(content).hexdigest() != expected_sha256:
        raise UnreadableImage(Reason.VANISHED, "the object was replaced before it was scored")
    radiograph = read_radiograph(content, sidecar, content_sha256=expected_sha256, zone=zone)
    return ReadyImage(radiograph.record, radiograph.pixel_sha256(), radiograph.model_input())


def _score(ready: Sequence[tuple[Claim, ReadyImage]], have: Resources) -> list[Outcome]:
    if not ready:
        return []
    scores = have.model.score(np.stack([image.model_input for _, image in ready]))
    return [
        Scored(
            ledger_id=claim.ledger_id,
            patient_key=have.pseudonym(image.record.patient),
            record=image.record,
            pixel_sha256=image.pixel_sha256,
            score=score,
        )
        for (claim, image), score in zip(ready, scores, strict=True)
    ]
