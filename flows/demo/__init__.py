"""The demonstration on simulated images."""

__all__ = ["images", "run", "summary", "treatments"]
