"""Preprocessing: from grey values to the array that is a backbone's input.

The transform is torchxrayvision's ``normalize`` + ``XRayCenterCrop`` +
``XRayResizer(224)``: scale to [-1024, 1024], crop the longer side to a square, anti-alias and
resize. The network's zero is mid-grey, halfway from black to white. Counted from there, black
and white, and so inversion, are one factor, which is applied to the resized image.

`severity.images.torch_preprocessing` does the same on a GPU. A caller that prepares images in
several threads should limit NumPy's BLAS to one thread (``OPENBLAS_NUM_THREADS=1``): the products
are small.
"""

import math

import numpy as np
from numpy.typing import NDArray

from severity.images.grey_image import GreyImage
from severity.images.resizing import MODEL_SIDE, axis_operator, resize

MODEL_LIMIT = 1024.0
PREPROCESSING = "xrv-normalize-centercrop-resize224/2"
"""Name of this transform in a model version; a change of its output is a new name."""

__all__ = [
    "MODEL_LIMIT",
    "MODEL_SIDE",
    "PREPROCESSING",
    "mid_grey",
    "output_range",
    "scaling",
    "to_model_input",
]

_ROWS_AT_ONCE = 32  # as float32 they stay in a core's cache


def to_model_input(grey: GreyImage) -> NDArray[np.float32]:
    """Crop, resize and scale one radiograph to the backbones' input.

    Returns
    -------
    Shape (224, 224), float32 on [-1024, 1024]; black is -1024.

    References
    ----------
    * torchxrayvision, ``utils.normalize``, ``datasets.XRayCenterCrop`` and
      ``datasets.XRayResizer``.
    """
    side = min(grey.rows, grey.columns)
    rows, columns = (
        axis_operator(length, side, grey.band, samples_at_once=_ROWS_AT_ONCE)
        for length in (grey.rows, grey.columns)
    )
    crop = grey.values[rows.used, columns.used]
    middle = np.float32(mid_grey(grey))
    buffer = np.empty((_ROWS_AT_ONCE, crop.shape[1]), np.float32)

    def from_middle(part: slice) -> NDArray[np.float32]:
        floats = buffer[: part.stop - part.start]
        np.copyto(floats, crop[part])
        return np.subtract(floats, middle, out=floats)

    resized = resize(
        from_middle,
        rows=rows,
        columns=columns,
        zeros=lambda *shape: np.zeros(shape, np.float32),
    )
    resized *= np.float32(scaling(grey))
    lowest, highest = output_range(crop, grey)
    return np.clip(resized, np.float32(lowest), np.float32(highest), out=resized)


def mid_grey(grey: GreyImage) -> float:
    """Return the value of mid-grey, halfway from black to white."""
    return (grey.black + grey.white) / 2


def scaling(grey: GreyImage) -> float:
    """Return what a distance from mid-grey is multiplied by; negative if black is above white."""
    return 2 * MODEL_LIMIT / (grey.white - grey.black)


def output_range(crop: NDArray[np.generic], grey: GreyImage) -> tuple[float, float]:
    """Return the lowest and highest output: the reference clips to the range of its crop.

    Outputs are means of pixels and, at the border, of the mid-grey that surrounds them. If the
    crop has pixels on both sides of mid-grey, as nearly every image, none can lie outside the
    range, and clipping to black and white removes only what rounding adds. So the search for
    the extremes ends as soon as it has found both sides.

    The pixels' range is not known from a low-pass band: the band's own range replaces it.
    It is a little narrower or, by overshoot, wider, and matters only at the border of an image
    that is wholly dark or wholly bright.
    """
    middle = mid_grey(grey)
    darkest, brightest = math.inf, -math.inf
    for start in range(0, len(crop), _ROWS_AT_ONCE):
        rows = crop[start : start + _ROWS_AT_ONCE]
        darkest, brightest = min(darkest, float(rows.min())), max(brightest, float(rows.max()))
        if darkest <= middle <= brightest:
            return -MODEL_LIMIT, MODEL_LIMIT
    factor = scaling(grey)
    lowest, highest = sorted(((darkest - middle) * factor, (brightest - middle) * factor))
    return max(lowest, -MODEL_LIMIT), min(highest, MODEL_LIMIT)
