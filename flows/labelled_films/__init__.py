"""Folders of labelled films, for measuring models and fitting heads."""

__all__ = ["features", "folder", "repeats"]
