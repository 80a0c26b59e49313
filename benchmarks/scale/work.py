"""New images for the ledger alone: enlisted, claimed and closed, without a file or a network."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from uuid import UUID

from benchmarks.scale.figures import Stopwatch
from db.closing import scores
from db.closing.outcomes import Scored
from db.engine import Database
from db.ledger import claiming, enlisting, sources
from db.ledger.claiming import Claim, Queue
from db.ledger.lock import await_disk
from db.ledger.places import Place, SeenObject
from severity.domain import (
    Acquired,
    DistributionCheck,
    Fate,
    ImageRecord,
    PatientId,
    Score,
    TimeSource,
    View,
)

_ENTERED_AT_ONCE = 256  # as the product does
_FINDINGS = 18
_SCORE = Score(
    *(4.0, 2.8, 4.0, 2.8),
    findings={f"finding {number}": number / 7 for number in range(_FINDINGS)},
    distribution_check=DistributionCheck("frontal-1", distance=0.4),
)


def empty_queue(database: Database, location: str, model_version_id: int) -> Queue:
    """Return the queue of a new source, whose images a model version shall score."""
    with database.transaction() as session:
        source = sources.register(session, location, zone="UTC")
        while sources.want(session, source.id, model_version_id=model_version_id):
            sources.enlist_seen(session, source.id, model_version_id=model_version_id, limit=1)
    return Queue(source.id, model_version_id)


def enlist(database: Database, queue: Queue, numbers: range) -> None:
    """Enter objects of these numbers, as if their files had been read."""
    for first in range(numbers.start, numbers.stop, _ENTERED_AT_ONCE):
        last = min(first + _ENTERED_AT_ONCE, numbers.stop)
        objects = [_seen(number) for number in range(first, last)]
        with database.transaction() as session:
            enlisting.enlist(
                session, queue.source_id, objects, model_version_id=queue.model_version_id
            )


def _seen(number: int) -> SeenObject:
    name = sha256(f"new {number}".encode()).hexdigest()
    place = Place(f"2025/01/01/{name[:32]}.dcm", UUID(hex=name[32:]))
    return SeenObject(place, name)


@dataclass
class Worker:
    """Claims objects and closes them as scored images of known patients, in batches.

    ``pause`` is the seconds between the two, in which the network would be at work.
    """

    database: Database
    queue: Queue
    run_id: int
    patient_keys: Sequence[str]
    claims: Stopwatch = field(default_factory=Stopwatch)
    closings: Stopwatch = field(default_factory=Stopwatch)
    last: int = 0
    pause: float = 0

    def work(self, images: int, *, batch: int) -> int:
        """Claim and close about so many images; return how many were scored."""
        scored = 0
        while scored < images and (claims := self._claim(batch)):
            time.sleep(self.pause)
            scored += self._close(claims)
        return scored

    def work_suspect(self) -> int:
        """Claim and close one image whose workers died before; return how many were scored."""
        with self.database.transaction() as session:
            claims = claiming.claim_suspect(session, self.queue, self.run_id)
        return self._close(claims) if claims else 0

    def _claim(self, batch: int) -> list[Claim]:
        with self.claims.timing(), self.database.transaction() as session:
            claims = claiming.claim(session, self.queue, self.run_id, limit=batch, after=self.last)
        self.last = claims[-1].work_id if claims else 0
        return claims

    def _close(self, claims: Sequence[Claim]) -> int:
        outcomes = [self._scored(claim) for claim in claims]
        with self.closings.timing():
            with self.database.transaction() as session:
                closed = scores.close(session, self.queue, self.run_id, outcomes)
            with self.database.transaction() as session:
                await_disk(session)
        return sum(entry.fate is Fate.SCORED for entry in closed)

    def _scored(self, claim: Claim) -> Scored:
        digest = int(claim.content_sha256, 16)
        at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=digest % 10**7)
        uid = f"1.2.840.113619.2.1.{digest % 10**32:032}"
        return Scored(
            claim.work_id,
            self.patient_keys[digest % len(self.patient_keys)],
            ImageRecord(
                PatientId("never stored"),
                study_uid=f"{uid[:-4]}.1",
                image_uid=uid,
                view=View.PA,
                acquired=Acquired(at, TimeSource.ACQUISITION, "Europe/Berlin"),
                simulated=False,
            ),
            pixel_sha256=sha256(claim.content_sha256.encode()).hexdigest(),
            score=_SCORE,
        )


def patient_key(number: int) -> str:
    """Return the key of a patient that was built, by its number from 1."""
    digits = md5(f"patient{number}".encode(), usedforsecurity=False).hexdigest()
    return f"p-{digits[:20]}"
