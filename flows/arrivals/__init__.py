"""Films that are brought here: the drop folder that they are kept in, and the DICOM receiver."""

from flows.arrivals.writer import DropFolder, KeptFile

__all__ = ["DropFolder", "KeptFile", "accounting", "location", "receipts", "receiver", "receiving"]
