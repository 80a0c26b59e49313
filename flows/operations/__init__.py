"""Keeps a site going: what is watched, checked, deleted when it is old, and told to others."""

__all__ = ["retention"]
