"""Decoding a DICOM data set's pixel data into a grey image with its black and white."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.uid import UID, RLELossless

from severity.codecs.decoders import DECODERS, LOSSY, Decoder
from severity.codecs.helper_processes import DecodingHelpers
from severity.codecs.jpeg_2000 import LowBand
from severity.codecs.pixel_layout import PixelLayout
from severity.dicom.attributes import as_written, attribute_names, first_text
from severity.dicom.copied_in_part import ends_in_mid_row
from severity.dicom.display import Display, display_of
from severity.dicom.excluded_pixels import excluded, overlay_bits, without_overlays
from severity.dicom.frame import is_encapsulated, only_frame
from severity.dicom.geometry import Geometry, geometry
from severity.dicom.grey_in_colour import (
    grey_channel,
    grey_of_decoded,
    may_be_grey,
    may_have_chroma,
)
from severity.dicom.windowing import displayed
from severity.domain import Decision, Reason
from severity.errors import UnreadableImage, UntrustworthyPixels
from severity.images.grey_image import Band, GreyImage
from severity.images.limits import check_size
from severity.images.square_pixels import with_square_pixels

_BITS_ALLOCATED = {8, 16}  # PS3.3, C.8.1.1 and C.8.11.3
_MOST_OVERSHOOT = 0.25  # of the scale, by which a lossy codec may leave it beside a sharp edge
_MOST_OVERSHOOTING = 0.05  # share of the pixels


def displayed_grey(
    dataset: FileDataset, decisions: list[Decision], *, helpers: DecodingHelpers | None = None
) -> GreyImage:
    """Decode one frame into a grey image, with the values that are black and white.

    Stored values are returned as they are where a straight line leads from them to what is
    shown; only those beyond a window are moved to its ends.

    Parameters
    ----------
    dataset
        One grey frame whose Rows and Columns are known to be within limits.
    decisions
        What was decided about the pixels, and by which attribute, is added to it: also where they
        are refused afterwards.
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
    decisions.append(_by_encoding(dataset))
    decoder, layout = _decoder(dataset), _layout(dataset)
    frame = only_frame(dataset, layout)
    layout = layout.of_frame(decoder.bits(frame, layout))
    decisions.append(_by_bits(dataset, layout))
    display, shape = display_of(dataset, layout), geometry(dataset)
    hidden, overlays = excluded(dataset, layout, display), overlay_bits(dataset, layout)
    decisions += [*display.decisions, *shape.decisions, *hidden.decisions, *_by_overlays(overlays)]
    if display.table is None and shape.is_plain and hidden.is_nothing:
        low = decoder.low(frame, layout, helpers)
        if low and _shows_the_same(low[0], display, layout):
            return _grey_of_low_band(*low, display, layout)
    stored = decoder.full(frame, layout)
    if not is_encapsulated(dataset) and ends_in_mid_row(stored):
        raise UnreadableImage(Reason.CORRUPT, "the pixels end in mid-row: copied in part")
    stored = _lowered(stored, layout)
    stored = without_overlays(stored, overlays, layout)
    mask = hidden.mask(stored)
    if mask is not None:
        stored = np.where(mask, stored.dtype.type(0), stored)  # padding may exceed the stored bits
    stored = _within_stored_bits(stored, layout, lossy=_is_lossy(dataset))
    return _upright(displayed(stored, display, layout, mask), shape)


def _decoder(dataset: FileDataset) -> Decoder:
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax not in DECODERS:
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING, f"transfer syntax {syntax} cannot be decoded"
        )
    decoder = DECODERS[syntax]
    if not may_be_grey(dataset):
        return decoder
    if is_encapsulated(dataset):
        has_chroma = may_have_chroma(dataset)
        grey = partial(grey_of_decoded, decoder.full, may_have_chroma=has_chroma)
        return Decoder(grey, bits=decoder.bits)
    return Decoder(partial(grey_channel, is_planar=dataset.get("PlanarConfiguration") == 1))


def _by_encoding(dataset: FileDataset) -> Decision:
    syntax = UID(str(dataset.file_meta.TransferSyntaxUID))
    return Decision("encoding", syntax.name, attribute_names("TransferSyntaxUID"), str(syntax))


def _by_bits(dataset: Dataset, layout: PixelLayout) -> Decision:
    outcome = f"{layout.bits_stored} bits, {layout.lowest} to {layout.highest}"
    if layout.bits_below:
        outcome += f", above {layout.bits_below} unused bits"
    keywords = ("BitsStored", "HighBit", "PixelRepresentation")
    source, doubt = attribute_names(*keywords), ""
    if layout.bits_in_frame is not None:
        source = "the compressed frame"
        doubt = "the compressed frame has fewer bits than the header states"
    return Decision("stored values", outcome, source, as_written(dataset, *keywords), doubt)


def _by_overlays(bits: int) -> list[Decision]:
    if not bits:
        return []
    source = "Overlay Bit Position (60xx,0102)"  # of several groups
    return [
        Decision("overlays", f"{bits.bit_count()} bits above the stored ones are removed", source)
    ]


def _is_lossy(dataset: FileDataset) -> bool:
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    return syntax in LOSSY or first_text(dataset, "LossyImageCompression") == "01"


def _layout(dataset: FileDataset) -> PixelLayout:
    allocated, bits = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if allocated not in _BITS_ALLOCATED:
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING, f"{allocated} bits allocated; radiographs have 8 or 16"
        )
    below = int(dataset.get("HighBit", bits - 1)) - (bits - 1)
    if not 1 <= bits <= allocated or below not in _bits_below(dataset, allocated - bits):
        raise UntrustworthyPixels(
            f"{bits} bits stored with high bit {dataset.get('HighBit')} of {allocated} allocated"
        )
    signed = {0: False, 1: True}[int(dataset.PixelRepresentation)]
    samples = int(dataset.SamplesPerPixel)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    return PixelLayout(rows, columns, allocated, bits, signed, samples, bits_below=below)


def _lowered(stored: NDArray[np.number], layout: PixelLayout) -> NDArray[np.number]:
    """Return values whose lowest stored bit is their lowest; the sign stays, where there is one."""
    if not layout.bits_below:
        return stored
    lowered: NDArray[np.number] = np.right_shift(stored, layout.bits_below)
    if (np.left_shift(lowered, layout.bits_below) != stored).any():
        raise UntrustworthyPixels(
            f"pixels use the {layout.bits_below} bits below the stored ones: High Bit is wrong"
        )
    return lowered


def _bits_below(dataset: FileDataset, unused: int) -> set[int]:
    """Return how many bits may lie below the stored ones: none, or all that are unused.

    Older editions of PS3.5, 8.1.1, leave it to High Bit where they lie. A codec's samples have the
    stored bits alone; RLE packs the bytes as they would lie uncompressed.
    """
    keeps_bytes = dataset.file_meta.TransferSyntaxUID == RLELossless or not is_encapsulated(dataset)
    return {0, unused} if keeps_bytes else {0}


def _grey_of_low_band(low: LowBand, band: Band, display: Display, layout: PixelLayout) -> GreyImage:
    black, white = display.black + low.zero, display.white + low.zero
    return GreyImage(low.values, black, white, layout.rows, layout.columns, band)


def _shows_the_same(low: LowBand, display: Display, layout: PixelLayout) -> bool:
    """Return whether no pixel of the full image can lie beyond the window.

    Where the window has all values that can be stored, the low band may overshoot.
    """
    if low.clipped or display.covers(layout):
        return not low.clipped
    black, white = sorted((display.black + low.zero, display.white + low.zero))
    return bool(black <= low.values.min() and low.values.max() <= white)


def _within_stored_bits(
    stored: NDArray[np.number], layout: PixelLayout, *, lossy: bool
) -> NDArray[np.number]:
    """Return the values; refuse those that need more bits than the header states.

    Unused bits are not masked: a value beyond them means that the header is wrong. Only a lossy
    codec may overshoot a little, and is limited to the scale.
    """
    lowest, highest = stored.min(), stored.max()
    if lowest >= layout.lowest and highest <= layout.highest:
        return stored
    room = _MOST_OVERSHOOT * (layout.highest - layout.lowest)
    if lossy and lowest >= layout.lowest - room and highest <= layout.highest + room:
        limited: NDArray[np.number] = np.clip(stored, layout.lowest, layout.highest)
        if np.count_nonzero(limited != stored) <= _MOST_OVERSHOOTING * stored.size:
            return limited
    raise UntrustworthyPixels(
        f"stored values {lowest} to {highest} exceed {layout.lowest} to {layout.highest} "
        f"({layout.bits_stored} bits)"
    )


def _upright(grey: GreyImage, shape: Geometry) -> GreyImage:
    """Return the image upright and with square pixels; the same image if it is both already."""
    if shape.is_plain:
        return grey
    values, aspect = grey.values, shape.aspect
    if aspect != 1:
        check_size(round(len(values) * max(aspect, 1)), round(values.shape[1] / min(aspect, 1)))
        values = with_square_pixels(values, aspect)
    values = shape.orientation.upright(values)
    return GreyImage(values, grey.black, grey.white, *values.shape)
