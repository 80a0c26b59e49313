"""Pixels that a DICOM header excludes from the image: padding, shutters, and bits of overlays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset

from severity.codecs.pixel_layout import PixelLayout
from severity.dicom.attributes import as_written, attribute_names, optional_numbers, texts
from severity.dicom.display import Display
from severity.dicom.needed_attributes import OVERLAY_BITS
from severity.domain import Decision

Mask = NDArray[np.bool_]
"""Shape (rows, columns); true where a pixel is excluded."""

_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")
_TYPE_VALUES, _SIGN = 2**16, 2**15
_LEAST_RUN = 4  # pixels of padding side by side
_LEAST_CORNERS = 3


@dataclass(frozen=True)
class Padding:
    """The stored values, both ends included, that stand for no pixel: PS3.3, C.7.5.1.1.2."""

    low: int
    high: int
    layout: PixelLayout

    def mask(self, stored: NDArray[np.number]) -> Mask:
        """Return which pixels are padding.

        Senders name values that pixels have as well, such as the highest. Padding lies in areas,
        so a pixel whose value the stored bits can hold counts only in a run of such pixels.
        """
        padded: Mask = (stored >= self.low) & (stored <= self.high)
        runs = _in_runs(padded) | _in_runs(padded.T).T
        if self.low < self.layout.lowest or self.high > self.layout.highest:
            beyond: Mask = (stored < self.layout.lowest) | (stored > self.layout.highest)
            runs |= padded & beyond
        return runs

    def is_black(self, display: Display) -> bool:
        """Whether it is shown black by itself."""
        holds = self.layout.lowest <= self.low and self.high <= self.layout.highest
        return holds and display.is_black(self.low, self.high)


def _in_runs(mask: Mask) -> Mask:
    """Return which pixels lie in a run of several true ones along their row."""
    starts = mask.shape[1] - _LEAST_RUN + 1
    whole = np.logical_and.reduce([mask[:, at : at + starts] for at in range(_LEAST_RUN)])
    runs = np.zeros_like(mask)
    for at in range(_LEAST_RUN):
        runs[:, at : at + starts] |= whole
    return runs


@dataclass(frozen=True)
class Excluded:
    """What a header excludes from the image: its padding, and what lies behind its shutters.

    It is shown black. ``decisions`` say which attributes state it.
    """

    padding: Padding | None
    shutter: Mask | None
    decisions: tuple[Decision, ...] = ()

    def mask(self, stored: NDArray[np.number]) -> Mask | None:
        """Return which pixels are excluded; None if all of them belong to the image.

        Parameters
        ----------
        stored
            Stored values as they were decoded, also those beyond the stored bits.
        """
        mask = self.shutter
        if self.padding is not None:
            padded = self.padding.mask(stored)
            mask = padded if mask is None else mask | padded
        return None if mask is None or not mask.any() else mask

    @property
    def is_nothing(self) -> bool:
        """Whether all pixels belong to the image."""
        return self.padding is None and self.shutter is None


def excluded(dataset: Dataset, layout: PixelLayout, display: Display) -> Excluded:
    """Return what a data set excludes; padding that is shown black anyway is left out."""
    padding, shutter = _padding(dataset, layout), _shutter(dataset, layout)
    decisions = []
    if padding is not None:
        outcome = f"areas of {padding.low} to {padding.high} are made black"
        decisions.append(_decision("padding", outcome, dataset, _PADDING))
        if padding.is_black(display):
            padding = None
    if shutter is not None:
        share = np.count_nonzero(shutter) / shutter.size  # its mean would take ten times as long
        outcome = f"{share:.1%} of the pixels lie behind it, and are made black"
        decisions.append(_decision("shutter", outcome, dataset, ("ShutterShape",)))
    return Excluded(padding, shutter, tuple(decisions))


def _decision(subject: str, outcome: str, dataset: Dataset, keywords: tuple[str, ...]) -> Decision:
    return Decision(subject, outcome, attribute_names(*keywords), as_written(dataset, *keywords))


def _padding(dataset: Dataset, layout: PixelLayout) -> Padding | None:
    """Return the padding values; whether they have a sign follows from the pixels."""
    value, limit = _PADDING
    stated = optional_numbers(dataset, value)[:1]
    if not stated:
        return None
    stated += optional_numbers(dataset, limit)[:1]
    values = [int(value) % _TYPE_VALUES for value in stated]
    if layout.signed:
        values = [value - _TYPE_VALUES * (value >= _SIGN) for value in values]
    return Padding(min(values), max(values), layout)


def overlay_bits(dataset: Dataset, layout: PixelLayout) -> int:
    """Return the bits above the stored ones in which overlays lie, as a mask; 0 if there are none.

    Retired in 2004, but still met: PS3.3-2004, C.9.2.1.1.
    """
    mask = 0
    for allocated_tag, position_tag in OVERLAY_BITS.items():
        if allocated_tag in dataset and position_tag in dataset:
            allocated, position = dataset[allocated_tag].value, dataset[position_tag].value
            if allocated == layout.bits_allocated and layout.bits_stored <= position < allocated:
                mask |= 1 << position
    return mask


def without_overlays(
    stored: NDArray[np.number], bits: int, layout: PixelLayout
) -> NDArray[np.number]:
    """Return stored values without the bits of overlays, which become zero, or the sign again."""
    if not bits:
        return stored
    unsigned = stored.view(f"u{stored.dtype.itemsize}")
    plain = unsigned & ~unsigned.dtype.type(bits)
    if layout.signed:
        sign = unsigned.dtype.type(1 << (layout.bits_stored - 1))
        plain |= np.where(plain & sign, unsigned.dtype.type(bits), unsigned.dtype.type(0))
    values: NDArray[np.number] = plain.view(stored.dtype)
    return values


def _shutter(dataset: Dataset, layout: PixelLayout) -> Mask | None:
    """Return which pixels lie outside any of the shutters; rows and columns count from 1."""
    outside: Mask | None = None
    # Each shape once: a hostile file may name one thousands of times.
    for shape in _OUTSIDE.keys() & {text.upper() for text in texts(dataset, "ShutterShape")}:
        mask = _OUTSIDE[shape](dataset, layout)
        if mask is not None:
            outside = mask if outside is None else outside | mask
    return outside


def _outside_rectangle(dataset: Dataset, layout: PixelLayout) -> Mask | None:
    edges = [
        optional_numbers(dataset, f"Shutter{edge}Edge")[:1]
        for edge in ("UpperHorizontal", "LowerHorizontal", "LeftVertical", "RightVertical")
    ]
    if not all(edges):
        return None
    upper, lower, left, right = (int(edge) for (edge,) in edges)
    if upper <= 1 and left <= 1 and lower >= layout.rows and right >= layout.columns:
        return None
    mask = np.ones((layout.rows, layout.columns), np.bool_)
    mask[max(upper - 1, 0) : max(lower, 0), max(left - 1, 0) : max(right, 0)] = False
    return mask


def _outside_circle(dataset: Dataset, layout: PixelLayout) -> Mask | None:
    centre = optional_numbers(dataset, "CenterOfCircularShutter")
    radius = optional_numbers(dataset, "RadiusOfCircularShutter")[:1]
    if len(centre) != 2 or not radius:  # noqa: PLR2004 - row and column
        return None
    row, column = (np.float32(at - 1) for at in centre)
    rows = (np.arange(layout.rows, dtype=np.float32)[:, None] - row) ** 2
    columns = (np.arange(layout.columns, dtype=np.float32) - column) ** 2
    mask: Mask = rows + columns > np.float32(radius[0]) ** 2
    return mask


def _outside_polygon(dataset: Dataset, layout: PixelLayout) -> Mask | None:
    places = optional_numbers(dataset, "VerticesOfThePolygonalShutter")
    corners = [
        (column - 1, row - 1) for row, column in zip(places[::2], places[1::2], strict=False)
    ]
    if len(corners) < _LEAST_CORNERS:
        return None
    inside = Image.new("L", (layout.columns, layout.rows))
    ImageDraw.Draw(inside).polygon(corners, fill=1, outline=1)
    mask: Mask = np.asarray(inside) == 0
    return mask


_OUTSIDE: Mapping[str, Callable[[Dataset, PixelLayout], Mask | None]] = {
    "RECTANGULAR": _outside_rectangle,
    "CIRCULAR": _outside_circle,
    "POLYGONAL": _outside_polygon,
}
