"""From grey values to the array that a backbone sees.

The transform is torchxrayvision's ``normalize`` + ``XRayCenterCrop`` +
``XRayResizer(224)``: scale to [-1024, 1024], crop the longer side to a square, anti-alias and
resize. The network's zero is mid-grey, halfway from black to white. Counted from there, black
and white, and so inversion, are one factor, which is applied to the resized image.

One implementation serves NumPy and torch. A caller that prepares images in several threads
should give NumPy's BLAS one thread (``OPENBLAS_NUM_THREADS=1``): the products are small.
"""

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from severity.images.grey_image import Band, GreyImage
from severity.images.resizing import (
    CACHED_OPERATORS,
    MODEL_SIDE,
    AxisOperator,
    Block,
    axis_operator,
    resize,
)

if TYPE_CHECKING:
    import torch

MODEL_LIMIT = 1024.0
PREPROCESSING = "xrv-normalize-centercrop-resize224/2"
"""Name of this transform in a model version; a change of its output is a new name."""

__all__ = ["MODEL_LIMIT", "MODEL_SIDE", "PREPROCESSING", "to_model_input", "to_model_input_on"]

_ROWS_AT_ONCE = 32  # in NumPy: as float32 they stay in a core's cache
_ROWS_AT_ONCE_ON_DEVICE = 512  # in torch: few and large steps
_INT16_SHIFT = 2**15


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
    middle = np.float32(_middle(grey))
    buffer = np.empty((_ROWS_AT_ONCE, crop.shape[1]), np.float32)

    def from_middle(some: slice) -> NDArray[np.float32]:
        floats = buffer[: some.stop - some.start]
        np.copyto(floats, crop[some])
        return np.subtract(floats, middle, out=floats)

    resized = resize(
        from_middle,
        rows=rows,
        columns=columns,
        zeros=lambda *shape: np.zeros(shape, np.float32),
    )
    resized *= np.float32(_factor(grey))
    lowest, highest = _range(crop, grey)
    return np.clip(resized, np.float32(lowest), np.float32(highest), out=resized)


def to_model_input_on(grey: GreyImage, device: "torch.device") -> "torch.Tensor":
    """Do the same as `to_model_input` on a device, to which the integers are sent.

    Matrix products must keep float32's precision there, as is torch's default: no TF32.

    Returns
    -------
    Shape (224, 224), float32, on ``device``. A GPU may still be at work on it, in the order of
    its current stream.
    """
    import torch  # noqa: PLC0415 - only scoring needs it

    side = min(grey.rows, grey.columns)
    rows, columns = (
        _axis_operator_on(device, length, side, grey.band) for length in (grey.rows, grey.columns)
    )
    crop = grey.values[rows.used, columns.used]
    sent, middle = _send(crop, device), _middle(grey)
    if crop.dtype == np.uint16:
        middle -= _INT16_SHIFT

    resized = resize(
        lambda some: sent[some].to(torch.float32) - middle,
        rows=rows,
        columns=columns,
        zeros=lambda *shape: torch.zeros(shape, device=device),
    )
    lowest, highest = _range(crop, grey)
    return resized.mul_(_factor(grey)).clamp_(lowest, highest)


def _send(crop: NDArray[np.generic], device: "torch.device") -> "torch.Tensor":
    """Copy pixels to a device; uint16 as int16 that is 32,768 less, as torch lacks the other."""
    import torch  # noqa: PLC0415 - only scoring needs it

    unsigned = crop.dtype == np.uint16
    kind = np.dtype(np.int16) if unsigned else crop.dtype
    # Page-locked memory, from which the GPU fetches by itself. torch keeps it that long.
    staged = torch.empty(
        crop.shape, dtype=getattr(torch, kind.name), pin_memory=device.type == "cuda"
    )
    if unsigned:
        np.bitwise_xor(crop, np.uint16(_INT16_SHIFT), out=staged.numpy().view(np.uint16))
    else:
        staged.numpy()[:] = crop
    return staged.to(device, non_blocking=True)


@lru_cache(maxsize=CACHED_OPERATORS)
def _axis_operator_on(
    device: "torch.device", length: int, side: int, band: Band
) -> "AxisOperator[torch.Tensor]":
    import torch  # noqa: PLC0415 - only scoring needs it

    operator = axis_operator(length, side, band, samples_at_once=_ROWS_AT_ONCE_ON_DEVICE)
    blocks = tuple(
        Block(block.samples, block.outputs, torch.tensor(block.weights, device=device))
        for block in operator.blocks
    )
    return AxisOperator(operator.used, blocks)


def _middle(grey: GreyImage) -> float:
    return (grey.black + grey.white) / 2


def _factor(grey: GreyImage) -> float:
    return 2 * MODEL_LIMIT / (grey.white - grey.black)


def _range(crop: NDArray[np.generic], grey: GreyImage) -> tuple[float, float]:
    """Tell the lowest and highest output: the reference clips to the range of its crop.

    Outputs are means of pixels and, at the border, of the mid-grey that surrounds them. If the
    crop has pixels on both sides of mid-grey, as nearly every film, none can lie outside the
    range, and clipping to black and white removes only what rounding adds. So the search for
    the extremes ends as soon as it has found both sides.

    The pixels' range cannot be told from a low-pass band: the band's own range stands for it.
    It is a little narrower or, by overshoot, wider, and matters only at the border of a film
    that is wholly dark or wholly bright.
    """
    middle = _middle(grey)
    darkest, brightest = math.inf, -math.inf
    for start in range(0, len(crop), _ROWS_AT_ONCE):
        rows = crop[start : start + _ROWS_AT_ONCE]
        darkest, brightest = min(darkest, float(rows.min())), max(brightest, float(rows.max()))
        if darkest <= middle <= brightest:
            return -MODEL_LIMIT, MODEL_LIMIT
    factor = _factor(grey)
    lowest, highest = sorted(((darkest - middle) * factor, (brightest - middle) * factor))
    return max(lowest, -MODEL_LIMIT), min(highest, MODEL_LIMIT)
