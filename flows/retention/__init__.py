"""Retention on a schedule: what is older than a site keeps it, also at its Prefect server."""

__all__ = ["flow"]
