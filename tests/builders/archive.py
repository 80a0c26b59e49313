"""A source with films of patients, scored through the ledger as a run does it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import text

from db import registration
from db.closing import scores
from db.closing.outcomes import Closed, Outcome, Rejected, Scored, Unreachable
from db.engine import Database
from db.ledger import archiving, claiming, enlisting, runs, sources
from db.ledger.claiming import Queue
from db.ledger.places import Place, SeenObject
from db.ledger.presence import start_run
from db.reading.tables import read_as_reader
from severity.domain import (
    Acquired,
    ImageRecord,
    Lungs,
    ModelVersion,
    PatientId,
    Reason,
    Scale,
    Score,
    TimeSource,
    View,
)
from tests.builders.scores import ENHANCED, INVERTED

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Film:
    """A file in the source, and what it says.

    ``rejected`` is why it is rejected, if it is; one that ``vanishes`` cannot be read to be scored.
    """

    name: str
    patient: str = "p-1"
    uid: str = ""
    at: datetime | None = datetime(2020, 3, 1, 12, tzinfo=UTC)
    time_source: TimeSource = TimeSource.ACQUISITION
    zone: str = "UTC"
    extent: float = 3.0
    opacity: float = 2.0
    pixels: str = ""
    rejected: Reason | None = None
    key: str = ""
    record: str = ""
    flagged: bool = False
    enhanced: bool = False
    content: bytes = b""
    vanishes: bool = False
    lungs: Lungs | None = None

    @property
    def image_uid(self) -> str:
        return self.uid or f"1.{self.name}"

    @property
    def content_sha256(self) -> str:
        return sha256(self.content or f"content of {self.name}".encode()).hexdigest()

    @property
    def object_key(self) -> str:
        return self.key or f"{self.name}.dcm"

    @property
    def seen(self) -> SeenObject:
        place = Place(self.object_key, uuid4())
        return SeenObject(place, self.content_sha256, self.record)

    def outcome(self, work_id: int) -> Outcome:
        if self.vanishes:
            return Unreachable(work_id, self.object_key, "removed")
        if self.rejected:
            return Rejected(work_id, self.rejected, f"because of {self.rejected}")
        pixels = sha256((self.pixels or f"pixels of {self.name}").encode()).hexdigest()
        source = TimeSource.UNKNOWN if self.at is None else self.time_source
        acquired = Acquired(self.at, source, self.zone)
        study = f"2.{self.image_uid}"
        image = ImageRecord(
            PatientId("never stored"), study, self.image_uid, View.PA, acquired, simulated=False
        )
        findings = {"lung opacity": 0.1 + self.extent}
        check = INVERTED if self.flagged else None
        score = Score(
            self.extent,
            self.opacity,
            self.extent,
            self.opacity,
            findings=findings,
            distribution_check=check,
            lungs=self.lungs,
            processing_check=ENHANCED if self.enhanced else None,
        )
        return Scored(work_id, self.patient, image, pixels, score)


def model(name: str = "v1") -> ModelVersion:
    return ModelVersion(name, "w" * 64, "h" * 64, "p", "fp32", Scale(0, 8), Scale(0, 6))


class Archive:
    """One source, and the runs over it by one or more model versions."""

    def __init__(self, database: Database, location: str = "/inbox", zone: str = "UTC") -> None:
        self.database = database
        self.location = location
        with database.transaction() as session:
            self.source_id = sources.register(session, location, zone=zone).id
        self.films: dict[str, Film] = {}

    def add(self, *films: Film, by: str = "v1") -> list[Closed]:
        """Let films appear and score all that waits."""
        self.enlist(*films, by=by)
        return self.score(by=by)

    def enlist(self, *films: Film, by: str = "v1") -> None:
        queue = self.queue(by)
        for film in films:
            self.films[film.content_sha256] = film
        with self.database.transaction() as session:
            enlisting.enlist(
                session,
                self.source_id,
                [film.seen for film in films],
                model_version_id=queue.model_version_id,
            )

    def queue(self, by: str = "v1") -> Queue:
        with self.database.transaction() as session:
            version_id = registration.register_model(session, model(by))
            queue = Queue(self.source_id, version_id)
            while sources.want(session, self.source_id, model_version_id=version_id):
                sources.enlist_seen(session, self.source_id, model_version_id=version_id, limit=99)
        return queue

    def score(self, *, by: str = "v1", fail: Reason | None = None, limit: int = 99) -> list[Closed]:
        """Claim all that waits and close it: films as they say, or all of them as failures."""
        queue = self.queue(by)
        with start_run(self.database, queue, software="test") as presence:
            with self.database.transaction() as session:
                claims = claiming.claim(session, queue, presence.run_id, limit=limit)
            outcomes = [
                replace(self.films[claim.content_sha256], rejected=fail).outcome(claim.work_id)
                if fail
                else self.films[claim.content_sha256].outcome(claim.work_id)
                for claim in claims
            ]
            with self.database.transaction() as session:
                closed = scores.close(session, queue, presence.run_id, outcomes)
                runs.end_run(session, presence.run_id, "finished")
        return closed

    def move_scored(
        self, location: str, name: Callable[[str, int], str] = lambda key, _: key
    ) -> None:
        """Let the places of what is scored be places of the source's archive.

        ``name`` returns the key there, from that in the source and the object's id.
        """
        archive_id = self.do(sources.register_archive, self.source_id, location)
        places = self.do(archiving.scored_places, self.source_id, after=archiving.FIRST, limit=99)
        moved = [
            archiving.ArchivedPlace(entry, name(entry.place.object_key, entry.object_id))
            for entry in places
        ]
        self.do(archiving.move, self.source_id, archive_id, moved)

    def do(self, change: Callable[..., object], *arguments: object, **named: object) -> object:
        """Call a function of `db` in a transaction of its own."""
        with self.database.transaction() as session:
            return change(session, *arguments, **named)

    def as_reader(
        self, read: Callable[..., _Answer], *arguments: object, **named: object
    ) -> _Answer:
        """Ask a question of `db.reading` with the rights of dashboards."""
        with self.database.transaction() as session:
            read_as_reader(session)
            return read(session, *arguments, **named)

    def rows(self, query: str, **values: object) -> list[tuple[object, ...]]:
        with self.database.transaction() as session:
            return [tuple(row) for row in session.execute(text(query), values)]

    def image(self, film: Film) -> int:
        """Return the id of the image that a film was accepted as, last."""
        rows = self.rows("SELECT max(id) FROM image WHERE image_uid = :uid", uid=film.image_uid)
        return int(rows[0][0])  # type: ignore[call-overload]

    def object(self, film: Film) -> int:
        rows = self.rows(
            "SELECT id FROM object WHERE content_sha256 = decode(:content, 'hex')",
            content=film.content_sha256,
        )
        return int(rows[0][0])  # type: ignore[call-overload]
