"""The commands on films that senders bring."""

__all__ = ["receipts", "receive"]
