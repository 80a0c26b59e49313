"""Where reports and pages go: a new folder, or a DICOM node that may have some."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

from db.reading.results import Recipient
from db.sent import SentResult
from flows.concurrency import in_batches
from flows.dicom_node import OWN_TITLE, Node
from flows.errors import UsageError
from flows.exports.deliveries import Deliveries
from flows.exports.dicom.commitment import Promises, Reference, listening
from flows.exports.dicom.identifiers import unidentified_text
from flows.exports.dicom.instance import as_file, content_sha256
from flows.exports.dicom.making import Kind, Made, Making
from flows.exports.dicom.sending import Association
from flows.exports.new_folder import appearing

_FORMAT = "dicom"  # in the record of what was sent where
_ASKED_AT_ONCE = 500
_OF_UUID = "2.25."  # a UID that is a UUID (DICOM PS3.5, B.2)


@dataclass
class Counts:
    """How many instances of each kind were written or sent, and how many a node had already.

    ``unkept`` were sent, and are not promised to be kept, although that was asked for.
    """

    made: Counter[Kind] = field(default_factory=Counter)
    known: int = 0
    unkept: int = 0


def write_folder(making: Making, folder: Path) -> Counts:
    """Write each instance into a new folder, which appears as a whole; return the counts.

    Raises
    ------
    UsageError
        The folder is not empty or cannot be written, or no film is left that could be referred to.
    """
    counts = Counts()
    with appearing(folder) as draft:
        for made in making.instances():
            path = draft / f"{made.uid}.dcm"
            with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(as_file(made.dataset))
            counts.made[made.kind] += 1
        _check(making, counts)
    return counts


@dataclass(frozen=True)
class Sender:
    """Who sends: our own title, and where the node's promises to keep arrive, if it is asked."""

    title: str = OWN_TITLE
    answers_to: Node | None = None


def send_to(node: Node, making: Making, sender: Sender, *, resends: bool = False) -> Counts:
    """Send each instance that a node has not got yet; return the counts.

    With ``resends`` all are sent, and all films listed that were withdrawn, whatever is recorded.
    What a node does not promise to keep, if it is asked, the next export sends again.

    After a failure the next export goes on, and lists a film that was withdrawn meanwhile.

    Raises
    ------
    SendingError
        The node is not there, does not take an instance, or another export is sending there.
    UsageError
        No film is left that could be referred to, or the answers' address cannot be used.
    """
    version = making.request.selection.model_version
    with (
        Deliveries.to(making.database, version, _FORMAT, str(node)) as deliveries,
        _connected(node, sender) as (association, promises),
    ):
        counts = _send(making, deliveries, association, promises, resends=resends)
    _check(making, counts)
    return counts


def _send(
    making: Making,
    deliveries: Deliveries,
    association: Association,
    promises: Promises | None,
    *,
    resends: bool,
) -> Counts:
    counts = Counts()
    recipient = Recipient(deliveries.destination_id, may_have_all=resends)
    told: dict[Reference, SentResult] = {}
    for made in making.instances(recipient):
        if not resends and deliveries.has(_uuid(made)):
            counts.known += 1
            continue
        result = SentResult(_uuid(made), made.image_id, content_sha256(made.dataset))
        deliver = deliveries.deliver if promises is None else deliveries.offer
        if deliver(result, partial(association.store, made.dataset)):
            counts.made[made.kind] += 1
            if promises is not None:
                told[Reference(made.dataset.SOPClassUID, made.uid)] = result
    for former in deliveries.other_versions():
        making.list_withdrawn(former, recipient)
    making.left.withdrawn.update(deliveries.of_images(making.left.moved))
    if promises is not None:
        counts.unkept = _confirm_kept(deliveries, told, partial(promises.ask, association))
    return counts


@contextmanager
def _connected(node: Node, sender: Sender) -> Iterator[tuple[Association, Promises | None]]:
    """Connect to a node; listen for its promises too, if it is to be asked."""
    if sender.answers_to is None:
        with Association(node, own_title=sender.title) as association:
            yield association, None
        return
    with (
        listening(sender.answers_to) as promises,
        Association(node, own_title=sender.title, hear=promises.hear) as association,
    ):
        yield association, promises


def _confirm_kept(
    deliveries: Deliveries,
    told: Mapping[Reference, SentResult],
    kept: Callable[[Sequence[Reference]], frozenset[str]],
) -> int:
    """Record what the node promises to keep; return how many instances it does not.

    Only now: whatever ends the program before, the next export sends again.
    """
    unkept = 0
    for batch in in_batches(told, _ASKED_AT_ONCE):
        uids = kept(batch)
        for reference in batch:
            if reference.uid in uids:
                deliveries.confirm(told[reference])
            else:
                unkept += 1
    return unkept


def _check(making: Making, counts: Counts) -> None:
    """Refuse a request of which nothing could be made, as no film can be referred to."""
    problem = unidentified_text(making.left.unidentified.values())
    is_empty = not (counts.made or counts.known or making.left.withdrawn)
    if problem and is_empty:
        raise UsageError(f"{problem}; give the films by --film, or name patients --pseudonymous")


def _uuid(made: Made) -> UUID:
    return UUID(int=int(made.uid.removeprefix(_OF_UUID)))
