"""Model inputs for which a network must compute different outputs."""

import numpy as np
from numpy.typing import NDArray


def three_images() -> NDArray[np.float32]:
    """Three model inputs, shape (3, 224, 224) on [-1024, 1024]: dark to light, coarse to fine."""
    random = np.random.default_rng(0)
    images = [
        np.kron(random.uniform(-1024, brightest, (224 // cell, 224 // cell)), np.ones((cell, cell)))
        for cell, brightest in ((56, 0), (16, 512), (4, 1024))
    ]
    return np.stack(images).astype(np.float32)
