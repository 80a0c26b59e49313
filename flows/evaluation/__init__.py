"""Measuring a model on labelled films."""

__all__ = [
    "comparison",
    "error_sections",
    "flow",
    "folder",
    "peers",
    "repeatability",
    "report",
    "tables",
    "verification",
]
