"""Rescoring: images that were scored before, scored again by another model version, as asked."""

__all__ = ["flow", "priority", "requesting", "working"]
