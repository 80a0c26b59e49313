"""Grey images that are stored in colour."""

import numpy as np
from numpy.typing import NDArray

from severity.domain import Reason
from severity.errors import UnreadableImage

_MOST_SPREAD = 32  # of 255, between a pixel's colours; scanners and JPEG tint less
_MOST_COLOURED = 0.25  # share of pixels; annotations and a tint stay below


def grey_of_colour(
    red: NDArray[np.uint8], green: NDArray[np.uint8], blue: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the first channel of a grey image that is stored in colour.

    Parameters
    ----------
    red, green, blue
        Shape (rows, columns) each.

    Raises
    ------
    UnreadableImage
        It is a colour image.
    """
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    coloured = np.count_nonzero(spread > _MOST_SPREAD) / spread.size
    if coloured > _MOST_COLOURED:
        raise UnreadableImage(
            Reason.COLOUR, f"{coloured:.0%} of the pixels are coloured: not a radiograph"
        )
    return red
