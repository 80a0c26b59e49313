"""Scores and courses as DICOM files, and what a film says of its patient and study."""

__all__ = ["exporting", "identifiers", "making", "sending"]
