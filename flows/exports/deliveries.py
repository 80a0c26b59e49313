"""What a destination has, as the database records it around each sending."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID

from db import sent
from db.engine import Database
from db.sent import Delivery, SentResult
from flows.errors import SendingError


@dataclass(frozen=True)
class Deliveries:
    """The results by a model version that a destination has, or may have."""

    database: Database
    model_version: str
    destination_id: int

    @classmethod
    @contextmanager
    def to(
        cls, database: Database, model_version: str, written_as: str, location: str
    ) -> Iterator[Self]:
        """Yield those of a destination, which is recorded if it is new; nobody else sends there.

        Raises
        ------
        SendingError
            Another export is sending there.
        """
        with database.transaction() as session:
            destination_id = sent.destination(session, written_as, location)
        with sent.sending_alone(database, destination_id) as is_alone:
            if not is_alone:
                raise SendingError("another export is sending there: run this one once it ended")
            yield cls(database, model_version, destination_id)

    def of(self, results: Sequence[UUID]) -> Mapping[UUID, Delivery]:
        """Return what is known of each of these results that the destination has, or may have."""
        with self.database.transaction() as session:
            return sent.deliveries(session, self.destination_id, results)

    def of_images(self, image_ids: Sequence[int]) -> set[int]:
        """Return those of these images of which the destination has a result, or may have one."""
        with self.database.transaction() as session:
            return sent.images(session, self.destination_id, image_ids)

    def other_versions(self) -> list[str]:
        """List the other model versions of which the destination has results."""
        with self.database.transaction() as session:
            return sent.other_versions(session, self.destination_id, self.model_version)

    def has(self, result_id: UUID) -> bool:
        """Return whether the destination is known to have a result."""
        known = self.of([result_id]).get(result_id)
        return known is not None and known.content_sha256 != sent.UNKNOWN

    def deliver(self, result: SentResult, send: Callable[[], None]) -> bool:
        """Send a result; return whether it was: not if its film was erased meanwhile.

        It is recorded before it is sent, and again once it is there. What ends the program in
        between leaves it unknown what the destination has: the next export goes on from there.
        """
        if not self.offer(result, send):
            return False
        self.confirm(result)
        return True

    def offer(self, result: SentResult, send: Callable[[], None]) -> bool:
        """Send a result as `deliver` does, without recording that it is there; see `confirm`."""
        if not self._record(replace(result, content_sha256=sent.UNKNOWN)):
            return False
        send()
        return True

    def confirm(self, result: SentResult) -> None:
        """Record that the destination has a result."""
        self._record(result)

    def _record(self, result: SentResult) -> bool:
        with self.database.transaction() as session:
            return sent.record(session, self.destination_id, self.model_version, result)
