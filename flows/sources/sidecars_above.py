"""The sidecars above single files of this machine: those that a run would ask."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from flows.settings import SourceSettings, local_folder
from flows.sources.folder_walk import walk
from flows.sources.keys import is_sidecar, to_key, to_name, unnumbered
from flows.sources.sidecars import MOST_SIDECAR_BYTES, FolderSidecars, Sidecars
from flows.sources.store import Listed
from severity.errors import UnreadableSidecar
from severity.files.sidecar import (
    SIDECAR_NAMES,
    SidecarRecord,
    SidecarRecords,
    parse_sidecar,
)


@dataclass
class _Folder:
    """A folder's sidecars, or why one of them cannot be read; surveyed once a name is unsure."""

    records: dict[str, SidecarRecords] = field(default_factory=dict)
    sidecars: FolderSidecars = field(default_factory=FolderSidecars)
    problem: str = ""
    survey: Sidecars | None = None


class SidecarsAbove:
    """The records of single files, in the sidecars of their folders and of all folders above.

    An unreadable one is not passed over: a farther one may be of another patient. It is told as
    the record's ``problem``, and so is a name that could mean several files.
    """

    def __init__(self, sources: Iterable[SourceSettings]) -> None:
        """Look no higher than the source that a file lies in, if it lies in one of these."""
        sources = list(sources)
        self._tops = {source.folder for source in sources}
        self._archives = {
            archive: source.folder
            for source in sources
            if source.archive and source.folder and (archive := local_folder(source.archive))
        }
        self._folders: dict[Path, _Folder] = {}
        self._lock = Lock()  # files are read by several threads

    def record(self, file: Path) -> SidecarRecord | None:
        """Return the record of a file in the nearest sidecar; None if there is none."""
        path = file.parent.resolve() / file.name
        with self._lock:
            places = (above for each in self._described_as(path) for above in self._above(each))
            return next(filter(None, (self._described(*place) for place in places)), None)

    def _described_as(self, path: Path) -> Iterator[Path]:
        """List the paths by which sidecars may describe a file: they stay when it is archived."""
        for archive, source in self._archives.items():
            if path.is_relative_to(archive):
                lay = source / path.relative_to(archive)
                yield lay
                yield lay.with_name(unnumbered(lay.name))
        yield path

    def _above(self, path: Path) -> Iterator[tuple[Path, str]]:
        """List the folders above a file, nearest first, each with the path from there as a key."""
        for folder in path.parents:
            yield folder, to_key(os.fsencode(path.relative_to(folder)))
            if folder in self._tops:
                return

    def _described(self, path: Path, relative: str) -> SidecarRecord | None:
        if path not in self._folders:
            self._folders[path] = _read_folder(path)
        folder = self._folders[path]
        if folder.problem:
            return SidecarRecord(problem=folder.problem)
        record = folder.sidecars.record(relative)
        if record is None or folder.sidecars.describes_by_path(relative):
            return record
        if folder.survey is None:
            folder.survey = _survey(path, folder.records)
        return folder.survey.record(relative)


def _read_folder(path: Path) -> _Folder:
    folder = _Folder()
    for name in SIDECAR_NAMES:
        try:
            folder.records[name] = _records(path / name)
            folder.sidecars.add(name, folder.records[name])
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
        except OSError as error:
            folder.problem = f"{path / name} is not readable: {error.strerror}"
        except UnreadableSidecar as error:
            folder.problem = f"in {path}: {error}"
    return folder


def _records(path: Path) -> SidecarRecords:
    with path.open("rb") as file:
        content = file.read(MOST_SIDECAR_BYTES + 1)
    if len(content) > MOST_SIDECAR_BYTES:
        raise UnreadableSidecar(f"{path.name} has more than {MOST_SIDECAR_BYTES} bytes")
    return parse_sidecar(path.name, content)


def _survey(path: Path, records: dict[str, SidecarRecords]) -> Sidecars:
    """Note all files below a folder with its records, as a run does: the nearest sidecar counts.

    A name that several files have means none of them.
    """
    sidecars = Sidecars()
    for name, of_name in records.items():
        sidecars.add(name, of_name)
    for entry in walk(os.fsencode(path)):
        if not isinstance(entry, Listed) or entry.key in records:
            continue
        if is_sidecar(entry.key):
            with suppress(UnreadableSidecar, OSError):
                sidecars.add(entry.key, _records(path / os.fsdecode(to_name(entry.key))))
        else:
            sidecars.note(entry.key)
    return sidecars
