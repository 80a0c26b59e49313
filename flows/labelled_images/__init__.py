"""Folders of labelled images, for measuring models and fitting heads."""

__all__ = ["features", "folder", "image_files", "repeats", "tables"]
