"""The local contrast of an image, in two numbers that vendors' processing moves."""

import numpy as np
from numpy.typing import NDArray

_CENTRE = (slice(2, 12), slice(2, 12))  # of 14 x 14 blocks: borders and labels lie outside
_LEAST_ENERGY = 1e-6  # of detail on [-1, 1]: an even image has a logarithm too
_LEAST_DEVIATION = 1e-3  # on [-1, 1]
_FOUR_PIXELS, _EIGHT_PIXELS = 2, 3  # of the energies


def contrasts(means: NDArray[np.float32], energies: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute how strong detail is, and how much stronger the large areas of light and dark are.

    Enhancement of local contrast raises the first and lowers the second; smoothing and a narrow
    range of greys do the opposite.

    Parameters
    ----------
    means
        Shape (14, 14): of blocks, on [-1, 1].
    energies
        Shape (4, 14, 14): of the detail of one, two, four and eight pixels within them.

    Returns
    -------
    Shape (2,): the logarithm of the detail of four pixels in the median block, and that of the
    deviation of all blocks' means relative to the detail of eight pixels in the median block.
    """
    four, eight = (
        float(np.log(np.median(energies[size][_CENTRE]) + _LEAST_ENERGY) / 2)
        for size in (_FOUR_PIXELS, _EIGHT_PIXELS)
    )
    large = float(np.log(means[_CENTRE].std() + _LEAST_DEVIATION))
    return np.array([four, large - eight])
