"""The inbox: a drop folder or an object store, behind one small interface."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from flows.errors import InboxError
from flows.sources.folder import Folder
from flows.sources.object_store import open_bucket
from flows.sources.store import Listed, Store
from severity.errors import RejectedImage, UnreadableSidecar
from severity.files.sidecar import SIDECAR_NAMES, SidecarRecord, parse_sidecar
from severity.images.limits import MOST_BYTES

_HALF_WRITTEN = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
_MOST_SIDECAR_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Listing:
    """The objects of an inbox that are ready to be scored, with their sidecars.

    ``deferred`` counts the objects that are left for the next pass: those that have not
    settled, and images whose sidecar has not or cannot be read.
    """

    objects: tuple[Listed, ...]
    sidecars: Mapping[str, Mapping[str, SidecarRecord]]
    deferred: int
    unreadable_sidecars: tuple[str, ...] = field(default=())

    def record(self, key: str) -> SidecarRecord | None:
        """Return the record of an object in the nearest sidecar; None if there is none."""
        for folder, relative in _places(key):
            record = _described(self.sidecars.get(folder, {}), relative)
            if record is not None:
                return record
        return None


@dataclass(frozen=True)
class Inbox:
    """Where new images arrive. ``location`` is its identity in the ledger."""

    location: str
    store: Store
    settle: timedelta

    async def listing(self, *, now: datetime) -> Listing:
        """List the objects that are ready to be scored, in the order of their keys.

        Raises
        ------
        InboxError
            The inbox cannot be listed.
        """
        offered = sorted(
            (listed for listed in await self.store.objects() if _is_offered(listed.key)),
            key=lambda listed: listed.key,
        )
        images = [listed for listed in offered if not _is_sidecar(listed.key)]
        sidecars = [listed for listed in offered if _is_sidecar(listed.key)]
        unsettled = [listed.key for listed in sidecars if not self._is_whole(listed, now)]
        records, broken = await self._records(
            listed.key for listed in sidecars if self._is_whole(listed, now)
        )
        unread = {_folder(key) for key in (*unsettled, *broken)}
        objects = tuple(
            listed
            for listed in images
            if self._is_whole(listed, now) and not _awaits_sidecar(listed.key, records, unread)
        )
        return Listing(objects, records, len(images) - len(objects), tuple(broken))

    def _is_whole(self, listed: Listed, now: datetime) -> bool:
        # Without a settling time, a store's clock that is ahead of ours must not matter.
        return not self.settle or now - listed.modified >= self.settle

    async def _records(
        self, keys: Iterable[str]
    ) -> tuple[dict[str, dict[str, SidecarRecord]], list[str]]:
        """Read sidecars; return their records by folder and file name, and the broken sidecars."""
        by_folder: dict[str, dict[str, SidecarRecord]] = {}
        broken = []
        for key in keys:
            records = by_folder.setdefault(_folder(key), {})
            try:
                content = await self.store.read(key, most_bytes=_MOST_SIDECAR_BYTES)
                _add(records, parse_sidecar(_name(key), content))
            except (UnreadableSidecar, RejectedImage):
                broken.append(key)
        return by_folder, broken

    async def read(self, key: str, *, fingerprint: str | None = None) -> bytes:
        """Read an object.

        Parameters
        ----------
        fingerprint
            As it was listed; an object with another one counts as vanished: it may be half
            replaced.

        Raises
        ------
        RejectedImage
            The object is beyond the limit on bytes, or is gone, or must not be read.
        InboxError
            The inbox does not answer.
        """
        return await self.store.read(key, most_bytes=MOST_BYTES, fingerprint=fingerprint)


def open_inbox(location: str, *, settle: timedelta) -> Inbox:
    """Open a drop folder or ``s3://bucket/prefix``.

    The credentials and endpoint of an object store are read from the usual ``AWS_*`` variables.

    Parameters
    ----------
    settle
        Age before which an object counts as half-written.

    Raises
    ------
    InboxError
        There is no such folder, or the location is of another kind.
    """
    if location.startswith("s3://"):
        bucket = open_bucket(location)
        # Objects appear whole in a store, so they need no time to settle.
        return Inbox(bucket.location, bucket, timedelta(0))
    if "://" in location and not location.startswith("file://"):
        raise InboxError(f"{location} is neither a folder nor s3://bucket/prefix")
    try:
        folder = Path(location.removeprefix("file://")).expanduser().resolve()
        if not folder.is_dir():
            raise InboxError(f"{folder} is not a folder")
    except (OSError, RuntimeError) as error:  # a circle of links, or no such user after "~"
        raise InboxError(f"{location} is not a folder that can be opened") from error
    return Inbox(str(folder), Folder(folder), settle)


def _add(records: dict[str, SidecarRecord], additions: Mapping[str, SidecarRecord]) -> None:
    if any(records.get(name, record) != record for name, record in additions.items()):
        raise UnreadableSidecar("it contradicts the other sidecar of its folder")
    records |= additions


def _awaits_sidecar(
    key: str, records: Mapping[str, Mapping[str, SidecarRecord]], unread: set[str]
) -> bool:
    """Whether a sidecar that cannot be read yet may be the nearest that describes an object.

    A record of a farther one must not replace it: it may be of another patient. A DICOM file
    needs no sidecar, but only its content shows that it is one: it waits too, since that does
    no harm.
    """
    for folder, relative in _places(key):
        if folder in unread:
            return True
        if _described(records.get(folder, {}), relative) is not None:
            return False
    return False


def _described(records: Mapping[str, SidecarRecord], relative: str) -> SidecarRecord | None:
    """Return the record of an object by its path relative to the sidecar, or by its name."""
    if not records:
        return None
    try:
        # A sidecar spells an unusual name plainly; a key spells it percent-encoded.
        path = unquote(relative, errors="strict")
    except UnicodeDecodeError:
        return None  # a sidecar, which is UTF-8, cannot spell it
    return records.get(path) or records.get(_name(path))


def _places(key: str) -> Iterator[tuple[str, str]]:
    """List the folders that an object lies in, nearest first, each with the path from there."""
    parts = key.split("/")
    for depth in range(len(parts) - 1, -1, -1):
        yield "/".join(parts[:depth]) or ".", "/".join(parts[depth:])


def _is_offered(key: str) -> bool:
    """Whether an object is meant to be scored: it is neither hidden nor temporary."""
    return not any(
        part.startswith(".") or part.lower().endswith(_HALF_WRITTEN) for part in key.split("/")
    )


def _is_sidecar(key: str) -> bool:
    return _name(key) in SIDECAR_NAMES


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _folder(key: str) -> str:
    return key.rpartition("/")[0] or "."
