"""The seconds that images spend in each stage of scoring: added up, for whoever watches."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.claiming import Queue

STAGES = ("read", "decode", "network", "write")
"""From the source to the database, in the order in which an image passes them."""


@dataclass(frozen=True)
class StageTime:
    """How many images passed a stage, and the sum of the seconds that each spent in it."""

    images: int
    seconds: float


def add(session: Session, queue: Queue, times: Mapping[str, StageTime]) -> None:
    """Add the times of a share of a run to those of its source and model version."""
    # In one order: two runs that end at once would else wait for each other.
    for stage in sorted(times):
        values = {"source": queue.source_id, "model": queue.model_version_id, "stage": stage}
        time = {"images": times[stage].images, "seconds": times[stage].seconds}
        session.execute(_ADD, values | time)


_ADD = text(
    """
    INSERT INTO stage_time AS known (source_id, model_version_id, stage, images, seconds)
    VALUES (:source, :model, :stage, :images, :seconds)
    ON CONFLICT ON CONSTRAINT pk_stage_time DO UPDATE SET
        images = known.images + excluded.images, seconds = known.seconds + excluded.seconds
    """
)
