"""Decoding a DICOM data set's pixel data into a grey image with its black and white."""

import struct
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.dataelem import RawDataElement
from pydicom.encaps import get_frame
from pydicom.uid import UID

from severity.codecs.decoders import DECODERS
from severity.codecs.helper_processes import DecodingHelpers
from severity.codecs.jpeg_2000 import LowBand
from severity.codecs.pixel_layout import PixelLayout
from severity.dicom.display import Display, display_of
from severity.domain import Reason
from severity.errors import NotAFrontalChestRadiograph, UnreadableImage, UntrustworthyPixels
from severity.images.grey_image import GreyImage

_BITS_ALLOCATED = {8, 16}  # PS3.3, C.8.1.1 and C.8.11.3
_UNDEFINED_LENGTH = 2**32 - 1
_BYTES_OF_A_BASIC_OFFSET, _BYTES_OF_AN_OFFSET = 4, 8  # the latter in the extended table
_INVISIBLE = 1e-6  # of the way from black to white
_LOOKED_UP_AT_ONCE = 2**18  # pixels; an index takes eight bytes


def displayed_grey(dataset: FileDataset, *, helpers: DecodingHelpers | None = None) -> GreyImage:
    """Decode one frame into a grey image, with the values that are black and white.

    Stored values are returned as they are where a straight line leads from them to what is
    shown; only those beyond a window are moved to its ends.

    Parameters
    ----------
    dataset
        One grey frame whose Rows and Columns are known to be within limits.
    helpers
        Run the decoders that hold the interpreter lock; if None, this process does.

    Returns
    -------
    The full image, or the low band of one wavelet level of JPEG 2000 where that shows
    the same at the size that backbones see.

    Raises
    ------
    RejectedImage
        The pixels cannot be decoded or contradict the header.
    """
    layout = _layout(dataset)
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax not in DECODERS:
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING, f"transfer syntax {syntax} cannot be decoded"
        )
    display = display_of(dataset, layout)
    frame = _only_frame(dataset, layout, encapsulated=syntax.is_encapsulated)
    if display.table is None:
        low = DECODERS[syntax].low(frame, layout, helpers)
        if low and _shows_the_same(low[0], display, layout):
            return GreyImage(
                low[0].values,
                display.black + low[0].zero,
                display.white + low[0].zero,
                layout.rows,
                layout.columns,
                low[1],
            )
    return _displayed(DECODERS[syntax].full(frame, layout), display, layout)


def _layout(dataset: Dataset) -> PixelLayout:
    allocated, bits = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if allocated not in _BITS_ALLOCATED:
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING, f"{allocated} bits allocated; radiographs have 8 or 16"
        )
    if not 1 <= bits <= allocated or int(dataset.get("HighBit", bits - 1)) != bits - 1:
        raise UntrustworthyPixels(
            f"{bits} bits stored with high bit {dataset.get('HighBit')} of {allocated} allocated"
        )
    signed = {0: False, 1: True}[int(dataset.PixelRepresentation)]
    return PixelLayout(int(dataset.Rows), int(dataset.Columns), allocated, bits, signed)


def _only_frame(dataset: FileDataset, layout: PixelLayout, *, encapsulated: bool) -> bytes:
    """Return the bytes of the one frame, and refuse frames beyond it."""
    # The raw element: pydicom would copy its value, which may be a view.
    element = dataset.get_item("PixelData")
    if not isinstance(element, RawDataElement):
        raise TypeError("the pixel data were accessed before")
    if (element.length == _UNDEFINED_LENGTH) != encapsulated:
        raise UnreadableImage(
            Reason.CORRUPT, "the transfer syntax and the pixel data differ about compression"
        )
    pixels = element.value or b""
    if not encapsulated:
        _require_one(len(pixels) // (layout.pixels * layout.bits_allocated // 8))
        return pixels
    pixels = bytes(pixels)
    offsets = dataset.get("ExtendedOffsetTable")
    lengths = dataset.get("ExtendedOffsetTableLengths")
    _require_one(_offsets(pixels))
    _require_one(max(len(table or b"") for table in (offsets, lengths)) // _BYTES_OF_AN_OFFSET)
    return get_frame(
        pixels,
        0,
        number_of_frames=1,
        extended_offsets=(offsets, lengths) if offsets and lengths else None,
    )


def _offsets(pixels: bytes) -> int:
    """Count the offsets in the basic offset table, which come with the first item: PS3.5, A.4."""
    _, length = struct.unpack_from("<2L", pixels)
    return int(length) // _BYTES_OF_A_BASIC_OFFSET


def _require_one(frames: int) -> None:
    if frames > 1:
        raise NotAFrontalChestRadiograph(
            Reason.MULTI_FRAME, "more frames than Number of Frames (0028,0008) says"
        )


def _shows_the_same(low: LowBand, display: Display, layout: PixelLayout) -> bool:
    """Return whether no pixel of the full image can lie beyond the window.

    Where the window has all values that can be stored, the low band may overshoot.
    """
    if low.clipped or display.covers(layout):
        return not low.clipped
    black, white = sorted((display.black + low.zero, display.white + low.zero))
    return bool(black <= low.values.min() and low.values.max() <= white)


def _displayed(values: NDArray[np.generic], display: Display, layout: PixelLayout) -> GreyImage:
    """Make the grey image; refuse values that need more bits than the header states."""
    # Unused bits are not masked: a value beyond them means that the header is wrong.
    lowest, highest = values.min(), values.max()
    if lowest < layout.lowest or highest > layout.highest:
        raise UntrustworthyPixels(
            f"stored values {lowest} to {highest} exceed {layout.lowest} to {layout.highest} "
            f"({layout.bits_stored} bits)"
        )
    if values.dtype == np.int8:
        values = values.astype(np.int16)  # one type less for later steps
    if display.table is not None:
        values = _looked_up(values, display.table, layout.lowest)
    grey = GreyImage(values, display.black, display.white, layout.rows, layout.columns)
    return _within_window(grey)


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
    # Counted from the window's lower end, since float32 cannot hold most ends themselves.
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
