"""The models of a home folder: described, imported, fetched and loaded."""

__all__ = ["availability", "catalogue", "importing", "loading", "store", "text"]
