"""From stored values to a grey image: the table, the window, and what is excluded."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from severity.codecs.pixel_layout import PixelLayout
from severity.dicom.display import Display
from severity.images.grey_image import GreyImage

_INVISIBLE = 1e-6  # of the way from black to white
_HARDLY_VISIBLE = 1 / 512  # of it: half a grey level of a screen
_LOOKED_UP_AT_ONCE = 2**18  # pixels; an index takes eight bytes


def displayed(
    stored: NDArray[np.generic],
    display: Display,
    layout: PixelLayout,
    excluded: NDArray[np.bool_] | None = None,
) -> GreyImage:
    """Make the grey image of stored values, none of which lies beyond the stored bits.

    Parameters
    ----------
    excluded
        Shape (rows, columns): which pixels are no part of the image, and are made black.
    """
    if stored.dtype == np.int8:
        stored = stored.astype(np.int16)  # one type less for later steps
    if display.table is not None:
        stored = _looked_up(stored, display.table, layout.lowest)
    grey = _within_window(
        GreyImage(stored, display.black, display.white, layout.rows, layout.columns)
    )
    return grey if excluded is None else _blackened(grey, excluded)


def _looked_up(
    values: NDArray[np.generic], table: NDArray[np.uint16 | np.float32], first: int
) -> NDArray[np.uint16 | np.float32]:
    displayed = np.empty(values.shape, table.dtype)
    rows = max(1, _LOOKED_UP_AT_ONCE // values.shape[1])
    for top in range(0, len(values), rows):
        at = values[top : top + rows].astype(np.intp)
        at -= first
        displayed[top : top + rows] = table[at]
    return displayed


def _within_window(grey: GreyImage) -> GreyImage:
    """Move values beyond the window to its ends, in their own type where that shows."""
    low, high = sorted((grey.black, grey.white))
    if low <= grey.values.min() and grey.values.max() <= high:
        return grey
    if grey.values.dtype.kind in "ui":
        inside = _whole_numbers(grey.values.dtype, low, high)
        if inside is not None:
            return replace(grey, values=np.clip(grey.values, *inside))
    return _from_lower_end(grey)


def _from_lower_end(grey: GreyImage) -> GreyImage:
    """Count from the window's lower end, since float32 cannot hold most ends themselves."""
    low, high = sorted((grey.black, grey.white))
    values = grey.values.astype(np.float32)
    values -= np.float32(np.floor(low))
    values -= np.float32(low - np.floor(low))
    width = np.float32(high - low)
    np.clip(values, 0, width, out=values)
    black, white = (0.0, float(width)) if grey.black < grey.white else (float(width), 0.0)
    return replace(grey, values=values, black=black, white=white)


def _whole_numbers(dtype: np.dtype[Any], low: float, high: float) -> tuple[int, int] | None:
    """Return the whole numbers to clip to; None if they would look different from the ends."""
    type_range = np.iinfo(dtype)
    lowest, highest = int(np.ceil(low)), int(np.floor(high))
    if lowest > type_range.max or highest < type_range.min or lowest > highest:
        return None
    unseen = _INVISIBLE * (high - low)
    if (low >= type_range.min and lowest - low > unseen) or (
        high <= type_range.max and high - highest > unseen
    ):
        return None
    return max(lowest, int(type_range.min)), min(highest, int(type_range.max))


def _blackened(grey: GreyImage, excluded: NDArray[np.bool_]) -> GreyImage:
    """Make pixels black, in the values' own type where black has a value there."""
    black = _innermost(grey)
    if abs(black - grey.black) > _HARDLY_VISIBLE * abs(grey.white - grey.black):
        grey = _from_lower_end(grey)
        black = grey.black
    values = grey.values.copy()
    values[excluded] = black
    return replace(grey, values=values)


def _innermost(grey: GreyImage) -> float:
    """Return the value of the pixels' type that is nearest to black and within the window."""
    if grey.values.dtype.kind == "f":
        return grey.black
    type_range = np.iinfo(cast(Any, grey.values.dtype))
    black = np.ceil(grey.black) if grey.black < grey.white else np.floor(grey.black)
    return float(np.clip(black, type_range.min, type_range.max))
