"""Grey images that are stored in colour."""

import numpy as np
from numpy.typing import NDArray

from severity.domain import Reason
from severity.errors import UnreadableImage

_MOST_SPREAD = 32  # of 255, between a pixel's colours; scanners and JPEG tint less
_NO_CHROMA = 128  # DICOM PS3.3, C.7.6.3.1.2
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
    coloured = _coloured(red, green, blue)
    if coloured > _MOST_COLOURED:
        raise UnreadableImage(
            Reason.COLOUR, f"{coloured:.0%} of the pixels are coloured: not a radiograph"
        )
    return red


def is_without_chroma(blue: NDArray[np.uint8], red: NDArray[np.uint8]) -> bool:
    """Return whether the chroma of an image, shape (rows, columns) each, is that of a grey one."""
    return _coloured(np.full_like(blue, _NO_CHROMA), blue, red) <= _MOST_COLOURED


def _coloured(one: NDArray[np.uint8], two: NDArray[np.uint8], three: NDArray[np.uint8]) -> float:
    """Return the share of pixels whose three values are too far apart for grey."""
    spread = np.maximum(np.maximum(one, two), three) - np.minimum(np.minimum(one, two), three)
    return np.count_nonzero(spread > _MOST_SPREAD) / spread.size
