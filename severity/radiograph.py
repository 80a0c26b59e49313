"""A radiograph in memory."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from severity.domain import ImageRecord
from severity.preprocessing import to_model_input


@dataclass(frozen=True)
class Radiograph:
    """One frontal chest radiograph, ready to score.

    ``pixels`` has shape (rows, columns); 0 is black and ``full_scale`` is white.
    """

    record: ImageRecord
    pixels: NDArray[np.number]
    full_scale: float

    def model_input(self) -> NDArray[np.float32]:
        """Return the (224, 224) array on [-1024, 1024] that a backbone sees."""
        return to_model_input(self.pixels, full_scale=self.full_scale)

    def pixel_sha256(self) -> str:
        """Tell what the image shows, whatever file or encoding it came in."""
        shown = hashlib.sha256(f"{self.pixels.shape}{self.full_scale}".encode())
        shown.update(np.ascontiguousarray(self.pixels).data)
        return shown.hexdigest()
