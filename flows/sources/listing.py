"""A survey of an inbox, in portions: what is ready to be scored, and what is not or not seen."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows.sources.keys import folder_of, is_sidecar, places
from flows.sources.sidecars import SidecarReader, Sidecars
from flows.sources.store import Entry, Listed, Obstacle, OrderedStore, Unseen
from severity.errors import RejectedImage, UnreadableSidecar
from severity.files.sidecar import SIDECAR_NAMES, SidecarRecord

_LONGEST_PAUSE = timedelta(hours=1)  # of a program that copies, as over a line that broke


@dataclass(frozen=True)
class Portion:
    """A part of what lies in an inbox.

    ``objects`` are ready to be enlisted. ``deferred`` has the keys of those that are left for the
    next pass: they have not settled, or are images whose sidecar has not or cannot be read.
    """

    objects: tuple[Listed, ...]
    unseen: tuple[Unseen, ...]
    deferred: tuple[str, ...]


@dataclass
class _Draft:
    """A portion in the making."""

    objects: list[Listed] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    deferred: list[str] = field(default_factory=list)

    def is_full(self, size: int) -> bool:
        return len(self.objects) + len(self.unseen) + len(self.deferred) >= size

    def portion(self) -> Portion:
        return Portion(tuple(self.objects), tuple(self.unseen), tuple(self.deferred))


class Listing:
    """One survey of an inbox. It keeps the sidecars that it read, and nothing of the objects."""

    def __init__(self, reader: SidecarReader, *, settle: timedelta, now: datetime) -> None:
        self._reader = reader
        self._settle = settle
        self._now = now
        self._clock = time.monotonic()
        self._sidecars = Sidecars()
        self._unreadable: list[str] = []
        self._unsure: set[int] = set()  # hashes of keys
        self._reached: str | None = None
        self._is_held = False  # something before was not entered
        self._looked_above: set[str] | None = None  # of a listing that does not show all sidecars

    @property
    def reached(self) -> str | None:
        """The key up to which all is in the portions that were yielded; None where none is sure.

        What is deferred, unseen or unsure is not passed, nor is what lies behind it. Of a store
        that lists by key.
        """
        return self._reached

    @property
    def unreadable_sidecars(self) -> tuple[str, ...]:
        """The sidecars that cannot be read, by key: all of them once the portions are exhausted."""
        return tuple(self._unreadable)

    def record(self, key: str) -> SidecarRecord | None:
        """Return the record of an object of a portion that was yielded; None if it has none."""
        return self._sidecars.record(key)

    async def portions(
        self, size: int, *, after: str | None = None
    ) -> AsyncGenerator[Portion, None]:
        """List the inbox, at most ``size`` objects and unseen ones at a time, once.

        The order stays from survey to survey.

        Parameters
        ----------
        after
            List only what lies behind this key, of an `OrderedStore`; the sidecars above it are
            read wherever they lie.

        Raises
        ------
        InboxError
            The inbox cannot be listed.
        """
        draft = _Draft()
        for enter, begin in ((self._enter, after), (self._enter_unsure, None)):
            async for entries in self._entries(begin):
                for entry in entries:
                    await enter(entry, draft)
                    if draft.is_full(size):
                        yield draft.portion()
                        draft = _Draft()
            if not self._unsure:
                break
        if draft != _Draft():
            yield draft.portion()

    def _entries(self, after: str | None) -> AsyncIterator[Sequence[Entry]]:
        store = self._reader.store
        if after is None:
            return store.entries()
        if not isinstance(store, OrderedStore):
            raise TypeError("this store does not list by key")
        self._looked_above = set()
        return store.entries_after(after)

    async def _enter_unsure(self, entry: Entry, draft: _Draft) -> None:
        """Enter an object that a record may mean by its name alone: all of that name are known now.

        It takes a second listing, and little memory for the objects of the first.
        """
        if not isinstance(entry, Listed):
            return
        if is_sidecar(entry.key):
            await self._read_elsewhere(entry.key, draft)
            return
        self._sidecars.note(entry.key)  # it may have come since
        if hash(entry.key) in self._unsure:
            self._unsure.remove(hash(entry.key))
            draft.objects.append(entry)

    async def _enter(self, entry: Entry, draft: _Draft) -> None:
        match entry:
            case Unseen():
                draft.unseen.append(entry)
                if is_sidecar(entry.key) and not entry.is_folder:
                    self._note_unreadable(entry.key)
            case Listed() if is_sidecar(entry.key):
                if self._looked_above is None:
                    await self._enter_sidecar(entry, draft)
            case Listed():
                await self._look_above(entry.key, draft)
                self._enter_object(entry, draft)
                if not (draft.deferred or self._unsure or self._is_held):
                    self._reached = entry.key
        self._is_held = self._is_held or bool(draft.deferred or draft.unseen)

    async def _look_above(self, key: str, draft: _Draft) -> None:
        """Read the sidecars above an object, if the listing did not show them before it."""
        if self._looked_above is None:
            return
        for folder, _ in places(key):
            if folder not in self._looked_above:
                self._looked_above.add(folder)
                for name in SIDECAR_NAMES:
                    key = f"{folder}/{name}".removeprefix("./")
                    if await self._has(key):
                        await self._read_sidecar(key, draft)

    async def _read_elsewhere(self, key: str, draft: _Draft) -> None:
        """Read a sidecar that a listing of what is new left out: what it describes is its own."""
        if self._looked_above is not None and folder_of(key) not in self._looked_above:
            await self._read_sidecar(key, draft)

    async def _has(self, key: str) -> bool:
        store = self._reader.store
        return isinstance(store, OrderedStore) and await store.has(key)

    def _enter_object(self, listed: Listed, draft: _Draft) -> None:
        is_sure = self._sidecars.note(listed.key)
        if not self._is_ready(listed):
            draft.deferred.append(listed.key)
        elif is_sure:
            draft.objects.append(listed)
        else:
            self._unsure.add(hash(listed.key))

    def _is_ready(self, listed: Listed) -> bool:
        return self._is_whole(listed) and not self._sidecars.is_awaited(listed.key)

    def is_recent(self, listed: Listed) -> bool:
        """Whether a file changed so lately that whatever wrote it may only have paused."""
        return listed.changed is not None and self._now - listed.changed < _LONGEST_PAUSE

    def _is_whole(self, listed: Listed) -> bool:
        # Without a settling time, a store's clock that is ahead of ours must not matter.
        return not self._settle or self._age(listed) >= self._settle

    def _age(self, listed: Listed) -> timedelta:
        """Return how long before the listing began an object had changed; less than 0 if since.

        A program that copies may set a file's time to that of the original before it is done. The
        time of the last change is not believed where it lies ahead of our clock, which goes on in
        a listing of hours.
        """
        clock = self._now + timedelta(seconds=time.monotonic() - self._clock)
        if listed.changed is None or listed.changed > clock:
            return self._now - listed.modified
        return self._now - listed.changed

    async def _enter_sidecar(self, sidecar: Listed, draft: _Draft) -> None:
        if self._is_whole(sidecar):
            await self._read_sidecar(sidecar.key, draft)
        else:
            self._sidecars.note_unread(sidecar.key)

    async def _read_sidecar(self, key: str, draft: _Draft) -> None:
        try:
            self._sidecars.add(key, await self._reader.read(key))
        except (UnreadableSidecar, RejectedImage) as error:
            self._note_unreadable(key)
            draft.unseen.append(
                Unseen(key, Obstacle.UNREADABLE_SIDECAR, is_folder=False, detail=str(error))
            )

    def _note_unreadable(self, key: str) -> None:
        self._unreadable.append(key)
        self._sidecars.note_unread(key)
