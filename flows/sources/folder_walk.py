"""The walk over a folder: its files in an order that stays, and what cannot be seen of it."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from flows.sources.keys import is_offered_part, part_to_key
from flows.sources.opened_path import opened
from flows.sources.store import Entry, Listed, Obstacle, Unseen
from severity.files.sidecar import SIDECAR_NAMES

_SIDECARS = frozenset(name.encode() for name in SIDECAR_NAMES)
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}  # since its folder was listed, or a broken link
_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}  # this machine's limits: no file is to blame


@dataclass(frozen=True)
class _Folder:
    path: bytes
    key: str  # empty for the top, else with a slash at its end


def walk(top: bytes) -> Iterator[Entry]:
    """List what a folder and all below it offer, as it is drawn.

    In each folder the sidecars come first, then the other files by name, then the folders by
    name, each with all below it. Without recursion, which os.walk uses: its limit is below the
    depth that a path may have. Links to files of the folder are followed, links out of it and
    to folders are not.

    Raises
    ------
    OSError
        The folder itself cannot be listed.
    """
    with opened(top) as place:
        real_top = place.real
    folders = [_Folder(top, "")]
    while folders:
        folder, below = folders.pop(), []
        for entry in _entries(folder, real_top):
            if isinstance(entry, _Folder):
                below.append(entry)
            else:
                yield entry
        folders += reversed(below)


def _entries(folder: _Folder, real_top: bytes) -> Iterator[Entry | _Folder]:
    try:
        names = _names(folder.path, real_top)
    except OSError as error:
        if not folder.key:
            raise
        if obstacle := _obstacle(error, Obstacle.UNREADABLE_FOLDER):
            yield Unseen(folder.key.rstrip("/"), obstacle, is_folder=True)
        return
    for name in names:
        part = part_to_key(name)
        if is_offered_part(part) and (entry := _entry(folder, name, part, real_top)):
            yield entry


def _names(path: bytes, real_top: bytes) -> list[bytes]:
    with opened(path) as place:
        if not place.lies_below(real_top):
            return []  # a link has taken its place: the next walk will meet it as one
        with os.scandir(place.handle) as scan:
            names = sorted(entry.name for entry in scan)
    names.sort(key=lambda name: name not in _SIDECARS)
    return names


def _entry(folder: _Folder, name: bytes, part: str, real_top: bytes) -> Entry | _Folder | None:
    """Return a file, a folder or what cannot be seen; None where there is nothing to score."""
    path, key = folder.path + b"/" + name, folder.key + part
    try:
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            return _Folder(path, key + "/")
        if stat.S_ISLNK(status.st_mode):
            return _linked(path, key, real_top)
    except OSError as error:
        obstacle = _obstacle(error, Obstacle.UNREADABLE_FILE)
        return Unseen(key, obstacle, is_folder=_is_folder(folder, name)) if obstacle else None
    return _to_listed(key, status) if stat.S_ISREG(status.st_mode) else None


def _is_folder(folder: _Folder, name: bytes) -> bool:
    """Whether an entry whose path is refused is a folder, as far as the folder above shows it."""
    with suppress(OSError), opened(folder.path) as place:
        return stat.S_ISDIR(os.lstat(place.handle + b"/" + name).st_mode)
    return False


def _linked(path: bytes, key: str, real_top: bytes) -> Entry | None:
    """Return what a link leads to. A folder of the inbox is listed where it lies."""
    with opened(path) as target:
        is_file, is_folder = (
            stat.S_ISREG(target.status.st_mode),
            stat.S_ISDIR(target.status.st_mode),
        )
        if (is_file or is_folder) and not target.lies_below(real_top):
            return Unseen(key, Obstacle.OUTSIDE_LINK, is_folder=is_folder)
        return _to_listed(key, target.status) if is_file else None


def _obstacle(error: OSError, unreadable: Obstacle) -> Obstacle | None:
    """Return why something cannot be seen; None if it is gone."""
    if error.errno in _OURS:
        raise error
    if error.errno in _GONE:
        return None
    return Obstacle.PATH_TOO_LONG if error.errno == errno.ENAMETOOLONG else unreadable


def _to_listed(key: str, status: os.stat_result) -> Listed:
    # The time of a file can be set to anything, in a future that Python has no date for. No
    # byte of it was written after the change of its status.
    modified = max(0.0, min(status.st_mtime, status.st_ctime))
    return Listed(
        key=key,
        size=status.st_size,
        modified=datetime.fromtimestamp(modified, UTC),
        fingerprint=fingerprint(status),
        changed=datetime.fromtimestamp(max(0.0, status.st_ctime), UTC),
    )


def fingerprint(status: os.stat_result) -> str:
    """Return what changes whenever a file's content does.

    With the time of the last status change: a program that sets a file's time can make two
    contents of one size look alike without it.
    """
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_size}"
