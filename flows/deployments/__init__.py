"""The scheduled service."""

__all__ = ["serving"]
