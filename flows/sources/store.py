"""The interface of a store of objects, and what a store says of what lies in it."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from flows.sources.keys import numbered


@dataclass(frozen=True)
class Listed:
    """One object, as its store lists it without reading it.

    ``key`` is the object's path. A part of it that is not printable text, or that holds a
    percent sign, is percent-encoded. ``fingerprint`` changes when the object does, and may
    change when it does not. ``changed`` is when anything of a file last changed, which no program
    can set back as it can ``modified``; None where objects appear whole.
    """

    key: str
    size: int
    modified: datetime
    fingerprint: str
    changed: datetime | None = None


class Obstacle(StrEnum):
    """Why a file or folder cannot be seen. Codes are stable, as `Reason`'s."""

    UNREADABLE_FOLDER = "unreadable_folder"  # no permission to list it, or a damaged disk
    UNREADABLE_FILE = "unreadable_file"  # its folder shows its name and nothing else
    OUTSIDE_LINK = "outside_link"  # a link that leads out of the source
    UNREADABLE_SIDECAR = "unreadable_sidecar"  # its images wait until it is readable
    PATH_TOO_LONG = "path_too_long"  # longer than the system takes
    UNSETTLED = "unsettled"  # it ends in zeros and has just been written: copied in part, or whole


@dataclass(frozen=True)
class Unseen:
    """What lies in a source and cannot be listed, opened or named: counted, never skipped.

    ``key`` is of the file or folder. Nothing is known of what a folder contains. ``detail`` says
    more of the cause, and where in the file it is.
    """

    key: str
    reason: Obstacle
    is_folder: bool
    detail: str = ""


Entry = Listed | Unseen


@dataclass(frozen=True)
class Addition:
    """A file that is to be archived.

    ``number`` is no other file's. ``is_same`` tells by a fingerprint whether what lies there now is
    what was scored.
    """

    key: str
    number: int
    is_same: Callable[[str], bool]

    @property
    def spare_key(self) -> str:
        """The key for it where another file has its own."""
        return numbered(self.key, self.number)


class Store(Protocol):
    """A place where the objects of an inbox lie."""

    def entries(self) -> AsyncIterator[Sequence[Entry]]:
        """List what is offered, some entries at a time, in an order that stays; raises InboxError.

        The sidecars of a folder come before all that they may describe. What is hidden or a
        draft, and what is no file (devices, pipes, links to nowhere), is left out.
        """

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        """Read one object; raises InboxError, or RejectedImage if the object is to blame.

        An object that no longer has the ``fingerprint`` may be half replaced: it has vanished.
        One that is still there and cannot be opened is an InaccessibleImage.
        """


@runtime_checkable
class OrderedStore(Store, Protocol):
    """A store that lists its objects in the order of their keys, and can begin behind any key."""

    def entries_after(self, key: str) -> AsyncIterator[Sequence[Entry]]:
        """List what is offered behind a key, sidecars too; raises InboxError."""

    async def has(self, key: str) -> bool:
        """Whether an object is there; raises InboxError."""
