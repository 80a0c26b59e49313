"""Fit a head on labelled images, and store it as a new model."""

__all__ = ["flow", "folder", "record", "text"]
