"""The models of a home folder: described, imported, fetched and loaded."""

__all__ = ["catalogue", "importing", "loading", "store", "text"]
