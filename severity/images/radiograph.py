"""A radiograph in memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from severity.domain import ImageRecord
from severity.images import pixel_digest
from severity.images.grey_image import GreyImage
from severity.images.preprocessing import to_model_input


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
        return pixel_digest.pixel_sha256(self.grey)
