"""The sidecars of an inbox: which of their records describes an object."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from flows.sources.keys import folder_of, name_of, places
from flows.sources.store import Store
from severity.errors import UnreadableSidecar
from severity.files.sidecar import SidecarRecord, parse_sidecar

MOST_SIDECAR_BYTES = 64 * 2**20
_PARSED_SIDECARS = 8  # that a reader remembers

Records = Mapping[str, SidecarRecord]


@dataclass
class SidecarReader:
    """Reads the sidecars of a store. One that did not change is parsed once, not at each read."""

    store: Store
    _parsed: OrderedDict[str, tuple[bytes, Records]] = field(default_factory=OrderedDict)
    _parsing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, key: str) -> Records:
        """Read a sidecar as it is now.

        Raises
        ------
        RejectedImage
            There is none, or it cannot be opened.
        UnreadableSidecar
            It is not the CSV or JSON that the documentation describes.
        InboxError
            The inbox does not answer.
        """
        # One at a time: a large sidecar and its records are a good part of the memory.
        async with self._parsing:
            content = await self.store.read(key, most_bytes=MOST_SIDECAR_BYTES)
            digest = await asyncio.to_thread(lambda: hashlib.sha256(content).digest())
            if self._parsed.get(key, (b"",))[0] != digest:
                records = await asyncio.to_thread(parse_sidecar, name_of(key), content)
                self._remember(key, digest, records)
            return self._parsed[key][1]

    def _remember(self, key: str, digest: bytes, records: Records) -> None:
        self._parsed[key] = digest, records
        self._parsed.move_to_end(key)
        if len(self._parsed) > _PARSED_SIDECARS:
            self._parsed.popitem(last=False)


@dataclass
class Sidecars:
    """The records of the sidecars that were read, by folder, and the folders of unread ones."""

    _records: dict[str, tuple[Records, ...]] = field(default_factory=dict)
    _unread: set[str] = field(default_factory=set)

    def add(self, key: str, records: Records) -> None:
        """Add the records of a sidecar.

        Raises
        ------
        UnreadableSidecar
            They contradict those of the other sidecar of the folder.
        """
        known = self._records.get(folder_of(key), ())
        if any(_contradict(others, records) for others in known):
            raise UnreadableSidecar("it contradicts the other sidecar of its folder")
        self._records[folder_of(key)] = (*known, records)

    def note_unread(self, key: str) -> None:
        """Note a sidecar that cannot be read yet."""
        self._unread.add(folder_of(key))

    def record(self, key: str) -> SidecarRecord | None:
        """Return the record of an object in the nearest sidecar; None if there is none."""
        if not self._records:
            return None
        for folder, relative in places(key):
            record = described(self._records.get(folder, ()), relative)
            if record is not None:
                return record
        return None

    def is_awaited(self, key: str) -> bool:
        """Whether a sidecar that cannot be read yet may be the nearest that describes an object.

        A record of a farther one must not replace it: it may be of another patient. A DICOM file
        needs no sidecar, but only its content shows that it is one: it waits too, since that does
        no harm.
        """
        if not self._unread:
            return False
        for folder, relative in places(key):
            if folder in self._unread:
                return True
            if described(self._records.get(folder, ()), relative) is not None:
                return False
        return False


def described(sidecars: Sequence[Records], relative: str) -> SidecarRecord | None:
    """Return the record of an object by its path relative to the sidecars, or by its name."""
    if not sidecars:
        return None
    try:
        # A sidecar spells an unusual name plainly; a key spells it percent-encoded.
        path = unquote(relative, errors="strict")
    except UnicodeDecodeError:
        return None  # a sidecar, which is UTF-8, cannot spell it
    return _first(sidecars, path) or _first(sidecars, name_of(path))


def _first(sidecars: Iterable[Records], name: str) -> SidecarRecord | None:
    return next(filter(None, (records.get(name) for records in sidecars)), None)


def _contradict(first: Records, second: Records) -> bool:
    fewer, more = sorted((first, second), key=len)
    return any(more.get(name, record) != record for name, record in fewer.items())
