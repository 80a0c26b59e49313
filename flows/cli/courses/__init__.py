"""The commands about what patients' images say together: trends, courses, treatments, drift."""

__all__ = ["bridging", "computing", "drift", "events", "trend"]
