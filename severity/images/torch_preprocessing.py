"""Preprocessing on a GPU: from grey values to the tensor that is a backbone's input.

The transform of `severity.images.preprocessing`, to rounding.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from severity.images.grey_image import Band, GreyImage
from severity.images.preprocessing import mid_grey, output_range, scaling
from severity.images.resizing import (
    CACHED_OPERATORS,
    AxisOperator,
    Block,
    axis_operator,
    resize,
)

_ROWS_AT_ONCE = 512  # few and large steps
_INT16_SHIFT = 2**15


def to_model_input_on(grey: GreyImage, device: torch.device) -> Tensor:
    """Crop, resize and scale one radiograph on a device, to which the integers are sent.

    The transform is that of `severity.images.preprocessing.to_model_input`.

    Matrix products must keep float32's precision there, as is torch's default: no TF32.

    Returns
    -------
    Shape (224, 224), float32, on ``device``. A GPU may still be at work on it, in the order of
    its current stream.
    """
    side = min(grey.rows, grey.columns)
    rows, columns = (
        _axis_operator_on(device, length, side, grey.band) for length in (grey.rows, grey.columns)
    )
    crop = grey.values[rows.used, columns.used]
    pixels, middle = _send(crop, device), mid_grey(grey)
    if crop.dtype == np.uint16:
        middle -= _INT16_SHIFT

    resized = resize(
        lambda part: pixels[part].to(torch.float32) - middle,
        rows=rows,
        columns=columns,
        zeros=lambda *shape: torch.zeros(shape, device=device),
    )
    lowest, highest = output_range(crop, grey)
    return resized.mul_(scaling(grey)).clamp_(lowest, highest)


def _send(crop: NDArray[np.generic], device: torch.device) -> Tensor:
    """Copy pixels to a device; uint16 as int16 that is 32,768 less, as torch lacks the other."""
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
    device: torch.device, length: int, side: int, band: Band
) -> AxisOperator[Tensor]:
    operator = axis_operator(length, side, band, samples_at_once=_ROWS_AT_ONCE)
    blocks = tuple(
        Block(block.samples, block.outputs, torch.tensor(block.weights, device=device))
        for block in operator.blocks
    )
    return AxisOperator(operator.used, blocks)
