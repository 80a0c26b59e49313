"""Fitting a head on labelled images, and keeping it as a new model."""

__all__ = ["flow", "folder", "record", "text"]
