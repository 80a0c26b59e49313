"""Places in a source: keys, and what lies there or keeps it from being read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID


def key_digest(object_key: str) -> UUID:
    """Return a digest of a key, which may be longer than any index allows."""
    return UUID(bytes=sha256(object_key.encode()).digest()[:16])


@dataclass(frozen=True)
class Place:
    """A key in a source, and what is known of the object there without reading it.

    ``fingerprint`` changes when the object or its sidecar record does.
    """

    object_key: str
    fingerprint: UUID

    @property
    def key_digest(self) -> UUID:
        """The digest of the key."""
        return key_digest(self.object_key)


@dataclass(frozen=True)
class SeenObject:
    """An object that was read: where it lies and what it contains.

    The hashes are hexadecimal. ``record_sha256`` is the keyed hash of its sidecar record, empty
    without one.
    """

    place: Place
    content_sha256: str
    record_sha256: str = ""


@dataclass(frozen=True)
class ObstructedPlace:
    """A place that cannot be read: it is counted as unread, and never skipped silently."""

    place: Place
    reason: str
    detail: str = ""


def arrays_of(places: Sequence[Place]) -> dict[str, object]:
    """Return places as arrays: the parameters ``keys``, ``digests`` and ``fingerprints``."""
    return {
        "keys": [place.object_key for place in places],
        "digests": as_array(place.key_digest for place in places),
        "fingerprints": as_array(place.fingerprint for place in places),
    }


def as_array(values: Iterable[UUID | int]) -> str:
    """Write an array as PostgreSQL does: of many values it reads that faster than an expression."""
    return "{" + ",".join(map(str, values)) + "}"


# What is known of a place. By its key, even where the planner knows little yet of a source and its
# million places: without OFFSET it would read all of them.
KNOWN = """
    CROSS JOIN LATERAL (
        SELECT * FROM sighting WHERE source_id = :source AND key_digest = shown.key_digest OFFSET 0
    ) AS sighting
"""
