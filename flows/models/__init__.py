"""The models of an installation: described, imported, downloaded and loaded."""

__all__ = ["availability", "catalogue", "importing", "loading", "store", "text"]
