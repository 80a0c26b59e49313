"""The demonstration on simulated films."""

__all__ = ["run"]
