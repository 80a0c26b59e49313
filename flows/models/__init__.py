"""The models of an installation: described, imported, downloaded and loaded."""

__all__ = [
    "availability",
    "catalogue",
    "fit_record",
    "importing",
    "loading",
    "store",
    "text",
]
