"""The dashboard: pages for a browser and the same as JSON, read as the reader's role."""

__all__ = ["app", "log", "server"]
