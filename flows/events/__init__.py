"""Treatments of patients: files of them, and their import."""

__all__ = ["importing", "reading", "record"]
