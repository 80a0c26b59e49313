"""Closing a batch: what its objects are, their scores, and the work that is done."""

__all__ = ["outcomes", "scores"]
