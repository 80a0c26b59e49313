"""The sources of images: drop folders, object stores, and single files."""

from flows.sources.inbox import Inbox, Listing, open_inbox
from flows.sources.local_files import read_local_file
from flows.sources.store import Listed

__all__ = ["Inbox", "Listed", "Listing", "open_inbox", "read_local_file"]
