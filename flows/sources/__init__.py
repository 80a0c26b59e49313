"""Where images come from: drop folders, object stores, and files that someone names."""

from flows.sources.inbox import Inbox, Listing, open_inbox
from flows.sources.local_files import read_local_file
from flows.sources.store import Listed

__all__ = ["Inbox", "Listed", "Listing", "open_inbox", "read_local_file"]
