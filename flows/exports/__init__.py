"""What leaves the house: tables, and results in the formats of other programs."""

__all__ = [
    "concepts",
    "destinations",
    "dicom",
    "identities",
    "observations",
    "sending",
    "tables",
]
