"""The size and type of stored pixels.

Read from a DICOM header by `severity.dicom`, which imports the decoders that must keep to it.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PixelLayout:
    """Size and type of stored pixels as the DICOM header states them: PS3.3, C.7.6.3.1."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    samples: int = 1
    """Channels of a pixel: 3 in a grey capture that is stored in colour."""
    bits_in_frame: int | None = None
    """Bits of the compressed frame, where they are fewer than the header states."""
    bits_below: int = 0
    """Bits below the stored ones, where those are the upper ones of what is allocated."""

    def of_frame(self, bits: int | None) -> "PixelLayout":
        """Return the layout of a frame's own bits, if they are fewer: the scale ends with them."""
        if bits is None or bits >= self.bits_stored:
            return self
        return replace(self, bits_stored=bits, bits_in_frame=bits)

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
