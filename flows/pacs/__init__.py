"""Fetching films from a PACS, and comparing what it has with what is known here."""

__all__ = ["comparison", "dicomweb", "fetching", "flow", "opening", "text"]
