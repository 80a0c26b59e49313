"""The size and type of stored pixels.

Read from a DICOM header by `severity.dicom`, which imports the decoders that must keep to it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PixelLayout:
    """Size and type of stored pixels as the DICOM header states them: PS3.3, C.7.6.3.1."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    signed: bool

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.rows * self.columns

    @property
    def lowest(self) -> int:
        """The lowest value that the stored bits can hold."""
        return -(1 << (self.bits_stored - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The highest value that the stored bits can hold."""
        return self.lowest + (1 << self.bits_stored) - 1
