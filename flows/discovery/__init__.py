"""The look that a site takes every few minutes: what is new, whether much waits, what is wrong."""

__all__ = ["flow"]
