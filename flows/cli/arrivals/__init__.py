"""The commands that bring films in: from senders, and from a PACS."""

__all__ = ["pacs", "receipts", "receive"]
