"""Fitting a head on labelled films, and keeping it as a new model."""

__all__ = ["flow", "folder", "record", "text"]
