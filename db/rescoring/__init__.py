"""Rescoring: requests to score images again by another model version, and how far each is."""

__all__ = ["enlisting", "giving_way", "progress", "requests"]
