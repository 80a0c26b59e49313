"""``frontal-1``, the reference distribution before this one, to be measured beside it.

Its features were no ranks: the means of the blocks in standard deviations of all, and the logarithm
of each block's own deviation in the same unit.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from severity.images.preprocessing import MODEL_LIMIT
from severity.reliability import light_blocks
from severity.reliability.out_of_distribution import LEAST_GREYS, ReferenceDistribution

FORMER = "frontal-1"
_FILE = Path(__file__).with_name(f"{FORMER}.safetensors")
_LEAST_DEVIATION = 1e-3
_DETAIL_FLOOR = 0.1
_DETAIL_WEIGHT = 0.6


class FormerReference:
    """Flags images as ``frontal-1`` did."""

    def __init__(self) -> None:
        content = _FILE.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        description = json.loads(header["__metadata__"]["cxr-severity-reference"])
        parts = load(content)
        self._reference = ReferenceDistribution(
            FORMER,
            parts["mean"],
            parts["components"],
            parts["deviations"],
            description["within_limit"],
            description["beyond_limit"],
        )

    def flags(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.bool_]:
        """Return which images it flags, shape (N,), of model inputs."""
        return np.array([self._is_flagged(image) for image in inputs], dtype=bool)

    def _is_flagged(self, image: NDArray[np.float32]) -> bool:
        is_far = bool((self._reference.distances(_features(image)) > 1).any())
        return is_far or float(np.ptp(image)) < LEAST_GREYS * 2 * MODEL_LIMIT


def _features(image: NDArray[np.float32]) -> NDArray[np.float32]:
    means, *energies = (part[0] for part in light_blocks(image[None]))
    unit = means.std() + np.float32(_LEAST_DEVIATION)
    deviations = np.sqrt(np.sum(energies, axis=0))
    detail = np.log(deviations / unit + np.float32(_DETAIL_FLOOR))
    layout = (means - means.mean()) / unit
    return np.concatenate([layout.ravel(), _DETAIL_WEIGHT * detail.ravel()])
