"""Decoded grey values, and which of them are displayed black and white."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

_STORED_AS = {np.dtype(kind) for kind in (np.uint8, np.uint16, np.int16, np.float32)}


class Band(StrEnum):
    """The kind of values in a `GreyImage`."""

    FULL = "full"
    """The pixels themselves."""
    LOW_5_3 = "low-5/3"
    """Low-pass band of one level of JPEG 2000's reversible 5/3 wavelet: half size, rounded up."""
    LOW_9_7 = "low-9/7"
    """The same of the irreversible 9/7 wavelet, scaled to keep a constant as it is."""


@dataclass(frozen=True)
class GreyImage:
    """Decoded grey values and which of them are shown black and white.

    The values stay as they were decoded: an image of full size is never converted to floats.

    The caller promises that every pixel lies between ``black`` and ``white``: readers
    clip to a window, or reject. Only the overshoot of a low-pass band may lie beyond.

    Raises
    ------
    ValueError
        Shape or type are not as described here, or nothing lies between black and white.
    """

    values: NDArray[np.generic]
    """Shape (r, c), uint8, uint16, int16 or float32, native byte order, C-contiguous. (r, c)
    is (rows, columns), or half of each, rounded up, for a low-pass band."""
    black: float
    """The value shown black; larger than ``white`` for MONOCHROME1."""
    white: float
    rows: int
    """Rows of the full image."""
    columns: int
    """Columns of the full image."""
    band: Band = Band.FULL

    def __post_init__(self) -> None:
        step = 1 if self.band is Band.FULL else 2
        shape = (-(-self.rows // step), -(-self.columns // step))
        if self.values.shape != shape:
            raise ValueError(f"{self.band} values are {shape}, not {self.values.shape}")
        if self.values.dtype not in _STORED_AS or not self.values.flags.c_contiguous:
            raise ValueError(f"{self.values.dtype}, contiguous or not, is not what decoders return")
        if not math.isfinite(self.black - self.white) or self.black == self.white:
            raise ValueError(f"nothing lies between {self.black:g} and {self.white:g}")

    def is_one_grey(self) -> bool:
        """Whether the central square, which networks see, has only one value."""
        side = min(self.values.shape)
        top, left = ((length - side) // 2 for length in self.values.shape)
        square = self.values[top : top + side, left : left + side]
        return not any((row != square[0, 0]).any() for row in square)
