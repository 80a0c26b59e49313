"""What leaves the house: tables, and reports in the forms of other systems. Only on request."""

__all__ = ["dicom"]
