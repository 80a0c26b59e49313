"""The sidecars of an inbox: which of their records describes an object.

A record means the file at its path, or else the one file of its name below the sidecar. One that
could mean several files means none of them: it would make one patient of several. So which file
a name means is known once all of them were listed.
"""

import asyncio
import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from flows.sources.keys import folder_of, name_of, places
from flows.sources.store import Store
from severity.errors import UnreadableSidecar
from severity.files.sidecar import (
    NumberedRecord,
    SidecarRecord,
    SidecarRecords,
    parse_sidecar,
)

MOST_SIDECAR_BYTES = 64 * 2**20
_PARSED_SIDECARS = 8  # that a reader remembers

_NO_FILE, _SEVERAL_FILES, _ITS_OWN_PATH = 0, 2, 4  # even: the digest of a file is odd


@dataclass
class SidecarReader:
    """Reads the sidecars of a store. One that did not change is parsed once, not at each read."""

    store: Store
    _parsed: OrderedDict[str, tuple[bytes, SidecarRecords]] = field(default_factory=OrderedDict)
    _parsing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, key: str) -> SidecarRecords:
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

    def _remember(self, key: str, digest: bytes, records: SidecarRecords) -> None:
        self._parsed[key] = digest, records
        self._parsed.move_to_end(key)
        if len(self._parsed) > _PARSED_SIDECARS:
            self._parsed.popitem(last=False)


class _Sidecar:
    """The records of a sidecar, and of each which listed file it means."""

    def __init__(self, name: str, records: SidecarRecords) -> None:
        self.name, self.records = name, records
        self.meanings = array("q", bytes(8 * records.numbers))


@dataclass(frozen=True)
class _Candidate:
    """A record that may mean a file, by some spelling of its path or by its name alone."""

    sidecar: _Sidecar
    numbered: NumberedRecord

    @property
    def record(self) -> SidecarRecord:
        return self.numbered.record

    @property
    def meaning(self) -> int:
        return self.sidecar.meanings[self.numbered.number]

    def could_mean(self, path: str, digest: int) -> None:
        if self.numbered.filename == path:
            meaning = _ITS_OWN_PATH
        elif self.meaning in {_NO_FILE, digest}:
            meaning = digest
        else:
            meaning = self.meaning if self.meaning == _ITS_OWN_PATH else _SEVERAL_FILES
        self.sidecar.meanings[self.numbered.number] = meaning


@dataclass
class FolderSidecars:
    """The sidecars of one folder, and which of the files at or below it they describe."""

    _sidecars: list[_Sidecar] = field(default_factory=list)

    def add(self, name: str, records: SidecarRecords) -> None:
        """Add the records of a sidecar of this name.

        Raises
        ------
        UnreadableSidecar
            They contradict those of the other sidecar of the folder.
        """
        if any(_contradict(other.records, records) for other in self._sidecars):
            raise UnreadableSidecar("it contradicts the other sidecar of its folder")
        self._sidecars.append(_Sidecar(name, records))

    def note(self, relative: str) -> bool:
        """Note that a file lies there; return whether a record spells its path."""
        path = _path(relative)
        alike = self._alike(path)
        spelled = [candidate for candidate in alike if candidate.numbered.filename == path]
        for candidate in spelled or alike:
            candidate.could_mean(path, _digest(relative))
        return bool(spelled)

    def record(self, relative: str) -> SidecarRecord | None:
        """Return the record of a file; one with a ``problem`` where a record means several files.

        None where no record means it.
        """
        path = _path(relative)
        if spelled := self._spelled(path):
            return spelled
        alike = [candidate for candidate in self._alike(path) if candidate.meaning != _ITS_OWN_PATH]
        if not alike:
            return None
        mine = {_NO_FILE, _digest(relative)}
        unsure = next((candidate for candidate in alike if candidate.meaning not in mine), None)
        if unsure is None and len({candidate.record for candidate in alike}) == 1:
            return alike[0].record
        return _ambiguous(unsure or alike[1])

    def describes_by_path(self, relative: str) -> bool:
        """Whether a record spells the path of a file: what else is listed does not matter."""
        return self._spelled(_path(relative)) is not None

    def may_describe(self, relative: str) -> bool:
        """Whether a record means a file, or might."""
        return self.record(relative) is not None

    def _spelled(self, path: str) -> SidecarRecord | None:
        return next(filter(None, (sidecar.records.get(path) for sidecar in self._sidecars)), None)

    def _alike(self, path: str) -> list[_Candidate]:
        """List the records of a path in another spelling; without any, those of its name."""
        for name in dict.fromkeys((path, name_of(path))):
            alike = [
                _Candidate(sidecar, numbered)
                for sidecar in self._sidecars
                for numbered in sidecar.records.spelled_alike(name)
            ]
            if alike and name:
                return alike
        return []


@dataclass
class Sidecars:
    """The records of the sidecars that were read, by folder, and the folders of unread ones."""

    _folders: dict[str, FolderSidecars] = field(default_factory=dict)
    _unread: set[str] = field(default_factory=set)

    def add(self, key: str, records: SidecarRecords) -> None:
        """Add the records of a sidecar.

        Raises
        ------
        UnreadableSidecar
            They contradict those of the other sidecar of the folder.
        """
        folder = self._folders.get(folder_of(key), FolderSidecars())
        folder.add(name_of(key), records)
        self._folders[folder_of(key)] = folder

    def note_unread(self, key: str) -> None:
        """Note a sidecar that cannot be read yet."""
        self._unread.add(folder_of(key))

    def note(self, key: str) -> bool:
        """Note that an object was listed: a record above it may mean it, unless a nearer does.

        Returns
        -------
        Whether its record is sure, whatever is listed after it; or that it has none.
        """
        for sidecars, relative in self._above(key):
            if sidecars.note(relative):
                return True
            if sidecars.may_describe(relative):
                return False
        return True

    def record(self, key: str) -> SidecarRecord | None:
        """Return the record of an object in the nearest sidecar; None if there is none.

        One with a ``problem`` says why none of the records means the object.
        """
        records = (sidecars.record(relative) for sidecars, relative in self._above(key))
        return next(filter(None, records), None)

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
            sidecars = self._folders.get(folder)
            if sidecars is not None and sidecars.may_describe(relative):
                return False
        return False

    def _above(self, key: str) -> list[tuple[FolderSidecars, str]]:
        """List the sidecars above an object, the nearest first, with its path from each."""
        if not self._folders:
            return []
        return [
            (self._folders[folder], relative)
            for folder, relative in places(key)
            if folder in self._folders
        ]


def described(sidecars: Sequence[SidecarRecords], relative: str) -> SidecarRecord | None:
    """Return the record that may mean an object, by its path relative to sidecars of one folder.

    It is not known whether it could mean another file too: that takes a whole listing.
    """
    folder = FolderSidecars()
    for records in sidecars:
        folder.add("", records)
    return folder.record(relative)


def _path(relative: str) -> str:
    """Return a relative key as a sidecar spells it: plainly; empty where none can spell it."""
    try:
        return unquote(relative, errors="strict")
    except UnicodeDecodeError:
        return ""


def _digest(relative: str) -> int:
    return hash(relative) | 1


def _ambiguous(candidate: _Candidate) -> SidecarRecord:
    which = f"record {candidate.numbered.number + 1} of {candidate.sidecar.name or 'a sidecar'}"
    return SidecarRecord(
        problem=f"{which} could mean several files, and so means none: write the paths there"
    )


def _contradict(first: SidecarRecords, second: SidecarRecords) -> bool:
    fewer, more = sorted((first, second), key=len)
    return any(more.get(name, record) != record for name, record in fewer.items())
