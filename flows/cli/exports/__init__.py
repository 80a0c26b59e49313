"""The commands that write scores and courses into files for other programs, and send them."""

__all__ = ["dicom", "options", "results", "tables"]
