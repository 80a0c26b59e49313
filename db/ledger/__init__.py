"""The ledger: sources and what lies in them, who works on what, and what waits."""

__all__ = ["claiming", "enlisting", "lock", "replaced", "runs", "sources", "waiting"]
