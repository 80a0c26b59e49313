"""A radiograph in memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from severity import identity
from severity.domain import ImageRecord
from severity.grey import GreyImage
from severity.preprocessing import to_model_input


@dataclass(frozen=True)
class Radiograph:
    """One frontal chest radiograph, ready to score."""

    record: ImageRecord
    grey: GreyImage

    def model_input(self) -> NDArray[np.float32]:
        """Return the (224, 224) array on [-1024, 1024] that a backbone sees."""
        return to_model_input(self.grey)

    def pixel_sha256(self) -> str:
        """Tell what the image shows, whatever file or encoding it came in."""
        return identity.pixel_sha256(self.grey)
