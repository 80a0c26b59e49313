"""The interface of a store of objects, and the keys that name objects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote_from_bytes, unquote_to_bytes


@dataclass(frozen=True)
class Listed:
    """One object, as its store lists it without reading it.

    ``key`` is the object's path. A part of it that is not printable text, or that holds a
    percent sign, is percent-encoded. ``fingerprint`` changes when the object does, and may
    change when it does not.
    """

    key: str
    size: int
    modified: datetime
    fingerprint: str


class Store(Protocol):
    """A place where the objects of an inbox lie."""

    async def objects(self) -> list[Listed]:
        """List everything; raises InboxError."""

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        """Read one object; raises InboxError, or RejectedImage if the object is to blame.

        An object that no longer has the ``fingerprint`` may be half replaced: it has vanished.
        """


def to_key(name: bytes) -> str:
    """Return an object's key: its name as text, with parts that are not plain percent-encoded.

    Part by part, so that all objects of a folder have its key in common.
    """
    return "/".join(map(_part_to_key, name.split(b"/")))


def _part_to_key(name: bytes) -> str:
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return quote_from_bytes(name)
    return text if text.isprintable() and "%" not in text else quote_from_bytes(name)


def to_name(key: str) -> bytes:
    """Return an object's name from its key, as its store spells it."""
    return unquote_to_bytes(key)
