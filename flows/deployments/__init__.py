"""Prefect's environment, and the scheduled service."""

__all__ = ["environment", "serving"]
