"""The steps of a run on a ledger, each in a transaction of its own."""

import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from db import registration
from db.closing import scores
from db.closing.outcomes import Outcome
from db.engine import Database
from db.ledger import claiming, enlisting, runs, sources
from db.ledger.claiming import Claim, Queue
from db.ledger.places import Place, SeenObject
from db.ledger.presence import PRESENCE_LOCKS, Presence
from db.reading.site import balances
from severity.domain import ModelVersion
from tests.builders.scores import INBOX, digest, scored, version


@dataclass(frozen=True)
class Steps:
    """The steps of a run, each in a transaction of its own."""

    database: Database
    queue: Queue

    def query(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        with self.database.transaction() as session:
            return [tuple(row) for row in session.execute(text(sql), values)]

    def value(self, sql: str, **values: object) -> object:
        ((value,),) = self.query(sql, **values)
        return value

    def wanting(self, location: str = INBOX, model: ModelVersion | None = None) -> "Steps":
        """The same steps in another source, or for another model version, wanted from now on."""
        with self.database.transaction() as session:
            source = sources.register(session, location, zone="UTC").id
            row_id = registration.register_model(session, model or version())
        other = Steps(self.database, Queue(source, row_id))
        while other._is_behind():
            with self.database.transaction() as session:
                sources.enlist_seen(session, source, model_version_id=row_id, limit=2)
        return other

    def _is_behind(self) -> bool:
        with self.database.transaction() as session:
            return sources.want(
                session, self.queue.source_id, model_version_id=self.queue.model_version_id
            )

    def show(self, key: str, content: str, record: str = "") -> int:
        """Enlist one object that lies under a key; return how many wait that did not before."""
        seen = SeenObject(
            Place(key, UUID(digest(content + record)[:32])),
            digest(content),
            digest(record) if record else "",
        )
        return self.show_all(seen)

    def show_all(self, *objects: SeenObject) -> int:
        with self.database.transaction() as session:
            return enlisting.enlist(
                session,
                self.queue.source_id,
                objects,
                model_version_id=self.queue.model_version_id,
            )

    def enlist(self, *contents: str) -> int:
        return self.show_all(
            *(
                SeenObject(Place(f"{content}.dcm", UUID(int=0)), digest(content))
                for content in contents
            )
        )

    def claim(self, run: Presence, limit: int = 10) -> list[Claim]:
        with self.database.transaction() as session:
            return claiming.claim(session, self.queue, run.run_id, limit=limit)

    def claim_suspect(self, run: Presence) -> list[Claim]:
        with self.database.transaction() as session:
            return claiming.claim_suspect(session, self.queue, run.run_id)

    def close(self, run: Presence, *outcomes: Outcome) -> dict[int, str]:
        """Close claims; return the reason or else the fate of each, by its work."""
        with self.database.transaction() as session:
            closed = scores.close(session, self.queue, run.run_id, outcomes)
        return {entry.work_id: entry.reason or entry.fate for entry in closed}

    def score(self, run: Presence, **image: object) -> str | None:
        """Claim the next object and close it as a scored image; return its fate or reason."""
        (claimed,) = self.claim(run, 1)
        return self.close(run, scored(claimed.work_id, **image)).get(claimed.work_id)

    def release(self) -> int:
        with self.database.transaction() as session:
            return runs.release_abandoned(session)

    def waiting(self) -> int:
        with self.database.transaction() as session:
            return claiming.count_waiting(session, self.queue)

    def balance(self) -> balances.SourceBalance:
        """The balance of the source, once it and all counters are known to be right."""
        with self.database.transaction() as session:
            assert balances.verify(session) == []
            location = session.scalar(
                text("SELECT location FROM source WHERE id = :id"), {"id": self.queue.source_id}
            )
            balance = balances.balance(session, str(location))
        assert balance.holds, balance
        return balance


def await_death(steps: Steps, run_id: int) -> None:
    """Wait until PostgreSQL has noticed that the connection is gone; it takes a moment."""
    deadline = time.monotonic() + 20
    while not steps.value(
        "SELECT pg_try_advisory_xact_lock(:space, :run)",
        space=PRESENCE_LOCKS,
        run=run_id,
    ):
        assert time.monotonic() < deadline, "the presence of a dead run does not end"
        time.sleep(0.01)


def break_presence(steps: Steps, run: Presence) -> None:
    """End a run's connection, as an idle time-out or a firewall would; wait until it is gone."""
    steps.query(
        """
        SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE locktype = 'advisory' AND classid = :space AND objid = :run
        """,
        space=PRESENCE_LOCKS,
        run=run.run_id,
    )
    await_death(steps, run.run_id)
