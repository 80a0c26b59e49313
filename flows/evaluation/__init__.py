"""Measuring a model on labelled images."""

__all__ = [
    "comparators",
    "comparison",
    "error_sections",
    "flow",
    "folder",
    "repeatability",
    "report",
    "tables",
    "verification",
]
