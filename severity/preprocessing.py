"""From pixel values to the array that a backbone sees.

The transform is torchxrayvision's ``normalize`` + ``XRayCenterCrop`` +
``XRayResizer(224)``: scale to [-1024, 1024], crop the longer side to a square,
anti-alias and resize. Crop and resize are linear and depend on the image's
size alone, so each is a sparse matrix, built once per size:
``rows @ image @ columns.T``.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from severity.errors import UntrustworthyPixels

MODEL_LIMIT = 1024.0
MODEL_SIDE = 224
PREPROCESSING = "xrv-normalize-centercrop-resize224/1"
"""Name of this transform in a model version; a change of its output is a new name."""

_GAUSSIAN_TRUNCATE = 4.0  # scipy.ndimage.gaussian_filter's default, in standard deviations
_CACHED_SIZES = 64


def to_model_input(pixels: NDArray[np.number], *, full_scale: float) -> NDArray[np.float32]:
    """Crop, resize and scale one radiograph to the backbones' input.

    Parameters
    ----------
    pixels
        Shape (rows, columns), 0 is black, ``full_scale`` is white.
    full_scale
        The value of white: 255 for 8 bit, ``2**bits_stored - 1`` for DICOM.

    Returns
    -------
    Shape (224, 224), float32 on [-1024, 1024]; black is -1024.

    Raises
    ------
    UntrustworthyPixels
        A pixel lies outside [0, full_scale].

    References
    ----------
    * torchxrayvision, ``utils.normalize``, ``datasets.XRayCenterCrop`` and
      ``datasets.XRayResizer`` (skimage ``resize``: Gaussian of
      sigma = (factor - 1) / 2, then linear sampling, zeros outside).
    """
    lowest, highest = float(pixels.min()), float(pixels.max())
    if not (lowest >= 0 and highest <= full_scale):  # also where a pixel is not a number
        raise UntrustworthyPixels(
            f"pixel values {lowest:g} to {highest:g} exceed the range 0 to {full_scale:g}"
        )
    rows, columns = pixels.shape
    side = min(rows, columns)
    top, left = rows // 2 - side // 2, columns // 2 - side // 2
    operator, weight_inside = _resize_operator(side)
    square = pixels[top : top + side, left : left + side].astype(np.float32)
    resized = (operator @ (operator @ square).T).T
    # The reference pads the *scaled* image with zeros, which is mid-grey here, so the
    # offset of -1 must shrink with the share of the kernel that lies inside the image.
    inside = np.multiply.outer(weight_inside, weight_inside)
    scaled: NDArray[np.float32] = (resized * np.float32(2 / full_scale) - inside) * np.float32(
        MODEL_LIMIT
    )
    white, black = float(square.max()), float(square.min())
    return _clip_like_reference(scaled, lowest=black, highest=white, full_scale=full_scale)


def _clip_like_reference(
    scaled: NDArray[np.float32], *, lowest: float, highest: float, full_scale: float
) -> NDArray[np.float32]:
    """Clip to the range of the square, widened to the padding value if that shows (skimage)."""
    low, high = ((2 * value / full_scale - 1) * MODEL_LIMIT for value in (lowest, highest))
    if not low <= 0 <= high and scaled.min() <= 0 <= scaled.max():
        low, high = min(low, 0.0), max(high, 0.0)
    clipped: NDArray[np.float32] = np.clip(scaled, np.float32(low), np.float32(high))
    return clipped


@lru_cache(maxsize=_CACHED_SIZES)
def _resize_operator(side: int) -> tuple[sparse.csr_array, NDArray[np.float32]]:
    """Build the (224, side) matrix that anti-aliases and samples one axis, and its row sums."""
    factor = side / MODEL_SIDE
    sampling = _linear_sampling(side)
    if factor > 1:
        sampling = sampling @ _gaussian(side, sigma=(factor - 1) / 2)
    operator = sparse.csr_array(sampling, dtype=np.float32)
    return operator, np.asarray(operator.sum(axis=1), dtype=np.float32)


def _linear_sampling(side: int) -> sparse.csr_array:
    """Linear interpolation at the centres of 224 equal cells; zero outside the image."""
    centres = (np.arange(MODEL_SIDE) + 0.5) * side / MODEL_SIDE - 0.5
    below = np.floor(centres).astype(int)
    fraction = centres - below
    rows = np.concatenate([np.arange(MODEL_SIDE)] * 2)
    columns = np.concatenate([below, below + 1])
    weights = np.concatenate([1 - fraction, fraction])
    inside = (columns >= 0) & (columns < side)
    return sparse.csr_array(
        (weights[inside], (rows[inside], columns[inside])), shape=(MODEL_SIDE, side)
    )


def _gaussian(side: int, *, sigma: float) -> sparse.csr_array:
    """Gaussian smoothing of one axis as a banded matrix; zero outside the image."""
    radius = int(_GAUSSIAN_TRUNCATE * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    kept = np.abs(offsets) < side
    bands = sparse.diags_array(list(kernel[kept]), offsets=list(offsets[kept]), shape=(side, side))
    return sparse.csr_array(bands)
