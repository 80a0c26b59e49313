"""What was sent to which destination, by the identifier that each result has there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import Database
from db.prepared import array_text

UNKNOWN = ""
"""The hash of a result whose sending began and is not known to have ended."""


@dataclass(frozen=True)
class SentResult:
    """A result of an image as it was sent: its identifier, and the hash of its content in hex."""

    result_id: UUID
    image_id: int
    content_sha256: str


@dataclass(frozen=True)
class Delivery:
    """What is known of a result at a destination.

    ``content_sha256`` is the hash in hex of what it has, `UNKNOWN` of what it may have in one form
    or another, or not at all. ``has_arrived`` says whether any sending of it is known to have.
    """

    content_sha256: str
    has_arrived: bool


def destination(session: Session, written_as: str, location: str) -> int:
    """Return the id of a destination, which is stored if it is new."""
    values = {"format": written_as, "location": location}
    session.execute(_ADD_DESTINATION, values)
    return int(session.execute(_DESTINATION, values).scalar_one())


@contextmanager
def sending_alone(database: Database, destination_id: int) -> Iterator[bool]:
    """Keep other exports from a destination until the context ends; whether none is at it now.

    Two at once would send the same results, and which arrived last would not be recorded. It is an
    advisory lock of a connection, which ends with the program, however that ends.
    """
    with database.connection() as connection:
        try:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text("SET idle_session_timeout = 0"))
            values = {"space": _SENDING_LOCKS, "destination": destination_id}
            yield connection.execute(_LOCK, values).scalar_one()
        finally:
            connection.invalidate()  # returned to the pool it would keep the lock


def deliveries(
    session: Session, destination_id: int, results: Sequence[UUID]
) -> Mapping[UUID, Delivery]:
    """Return what is known of each of these results that the destination has, or may have."""
    values = {"destination": destination_id, "results": array_text(list(results))}
    rows = session.execute(_DELIVERIES, values)
    return {row.result_id: Delivery(row.content_sha256, row.has_arrived) for row in rows}


def images(session: Session, destination_id: int, image_ids: Sequence[int]) -> set[int]:
    """Return those of these images of which the destination has a result, or may have one."""
    values = {"destination": destination_id, "images": list(image_ids)}
    return set(session.scalars(_IMAGES, values))


def other_versions(session: Session, destination_id: int, model_version: str) -> list[str]:
    """List the model versions of which a destination has results, without this one."""
    values = {"destination": destination_id, "model": model_version}
    return list(session.scalars(_OTHER_VERSIONS, values))


def record(session: Session, destination_id: int, model_version: str, result: SentResult) -> bool:
    """Record that the destination has a result by a model version, in place of an earlier one.

    Before a result is sent it is recorded as `UNKNOWN`: whatever ends the program in between, the
    next export knows that the destination may have it.

    Returns
    -------
    Whether it was recorded: a result whose image was erased meanwhile is not.
    """
    values = {
        "destination": destination_id,
        "model": model_version,
        "result": result.result_id,
        "image": result.image_id,
        "digest": result.content_sha256,
    }
    return session.execute(_RECORD, values).one_or_none() is not None


_SENDING_LOCKS = 7_205_993  # the first half of the advisory locks of destinations

_LOCK = text("SELECT pg_try_advisory_lock(:space, :destination)")

_ADD_DESTINATION = text(
    """
    INSERT INTO destination (format, location) VALUES (:format, :location)
    ON CONFLICT ON CONSTRAINT uq_destination DO NOTHING
    """
)

_DESTINATION = text("SELECT id FROM destination WHERE format = :format AND location = :location")

_OTHER_VERSIONS = text(
    """
    SELECT key FROM model_version
    WHERE key <> :model AND EXISTS (
        SELECT FROM sent
        WHERE destination_id = :destination AND model_version_id = model_version.id
    )
    ORDER BY id
    """
)

_IMAGES = text(
    """
    SELECT DISTINCT image_id FROM sent
    WHERE destination_id = :destination AND image_id = ANY (CAST(:images AS bigint[]))
    """
)

_DELIVERIES = text(
    """
    SELECT result_id, encode(content_sha256, 'hex') AS content_sha256, has_arrived FROM sent
    WHERE destination_id = :destination AND result_id = ANY (CAST(:results AS uuid[]))
    """
)

_RECORD = text(
    """
    INSERT INTO sent AS known
        (destination_id, model_version_id, result_id, image_id, content_sha256, has_arrived)
    SELECT :destination, model_version.id, CAST(:result AS uuid), image.id, decode(:digest, 'hex'),
        :digest <> ''
    FROM image JOIN model_version ON model_version.key = :model
    WHERE image.id = :image
    ON CONFLICT ON CONSTRAINT pk_sent DO UPDATE SET
        image_id = excluded.image_id, content_sha256 = excluded.content_sha256, sent_at = now(),
        has_arrived = known.has_arrived OR excluded.has_arrived
    RETURNING result_id
    """
)
