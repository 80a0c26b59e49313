"""The sources of images: drop folders, object stores, and single files."""

from flows.sources.archive import Archive, open_archive
from flows.sources.inbox import Inbox, open_inbox
from flows.sources.keys import is_offered, to_key
from flows.sources.ledger_objects import LedgerObjects, ObjectContent
from flows.sources.listing import Listing, Portion
from flows.sources.local_files import read_local_file
from flows.sources.sidecars_above import SidecarsAbove
from flows.sources.store import Addition, Listed, Obstacle, OrderedStore, Unseen

__all__ = [
    "Addition",
    "Archive",
    "Inbox",
    "LedgerObjects",
    "Listed",
    "Listing",
    "ObjectContent",
    "Obstacle",
    "OrderedStore",
    "Portion",
    "SidecarsAbove",
    "Unseen",
    "export",
    "is_offered",
    "open_archive",
    "open_inbox",
    "read_local_file",
    "to_key",
]
