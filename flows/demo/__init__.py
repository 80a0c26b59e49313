"""The demonstration on simulated images."""

__all__ = ["run"]
