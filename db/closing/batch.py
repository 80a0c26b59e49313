"""One closing: the transaction, the run and the claims that a batch's statements share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.closing.outcomes import Claimed, Outcome
from db.ledger.claiming import Queue
from db.prepared import Prepared, array_text


@dataclass(frozen=True)
class Closing:
    """What the statements that close a batch have in common.

    ``claimed`` are the claims that the run still holds, by the id of their work.
    """

    session: Session
    queue: Queue
    run_id: int
    claimed: Mapping[int, Claimed]

    def execute(self, statements: Iterable[Prepared], **arrays: object) -> None:
        """Execute statements, one after another, on arrays with one element for each object."""
        values = {
            "run": self.run_id,
            "model": self.queue.model_version_id,
            "source": self.queue.source_id,
            # Written once for all statements.
            **{name: array_text(array) for name, array in arrays.items()},
        }
        for statement in statements:
            statement.execute(self.session, values)

    def objects(self, outcomes: Sequence[Outcome]) -> list[int]:
        """Return the ids of the outcomes' objects."""
        return [self.claimed[outcome.work_id].object_id for outcome in outcomes]

    def is_new(self, outcome: Outcome) -> bool:
        """Whether nobody has judged the outcome's object."""
        return self.claimed[outcome.work_id].image_id is None
