"""Bringing an image upright whose pixels are stored rotated or mirrored."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Type = TypeVar("_Type", bound=np.generic)


@dataclass(frozen=True)
class Orientation:
    """How stored pixels lie: rows and columns exchanged, then upside down, then mirrored.

    One of the eight that rotations by 90 degrees and mirrors lead to.
    """

    transposed: bool = False
    upside_down: bool = False
    mirrored: bool = False

    def __str__(self) -> str:
        """Say how the pixels are stored, such as ``upright`` or ``upside down, mirrored``."""
        stored = {
            "transposed": self.transposed,
            "upside down": self.upside_down,
            "mirrored": self.mirrored,
        }
        return ", ".join(word for word, holds in stored.items() if holds) or "upright"

    def upright(self, values: NDArray[_Type]) -> NDArray[_Type]:
        """Return the upright image, contiguous; the image itself if it is upright.

        Parameters
        ----------
        values
            Shape (rows, columns).
        """
        if self == UPRIGHT:
            return values
        values = values.T if self.transposed else values
        values = values[::-1] if self.upside_down else values
        values = values[:, ::-1] if self.mirrored else values
        return np.ascontiguousarray(values)


UPRIGHT = Orientation()

EXIF_ORIENTATIONS = {
    2: Orientation(mirrored=True),
    3: Orientation(upside_down=True, mirrored=True),
    4: Orientation(upside_down=True),
    5: Orientation(transposed=True),
    6: Orientation(transposed=True, mirrored=True),
    7: Orientation(transposed=True, upside_down=True, mirrored=True),
    8: Orientation(transposed=True, upside_down=True),
}
"""By the value of Exif's tag Orientation (0x0112): CIPA DC-008, 4.6.4. All others are upright."""
