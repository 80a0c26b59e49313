"""Measuring a model on labelled images."""

__all__ = [
    "comparators",
    "comparison",
    "error_sections",
    "flow",
    "folder",
    "notes",
    "repeatability",
    "report",
    "tables",
    "verification",
]
