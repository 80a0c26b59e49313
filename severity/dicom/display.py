"""How DICOM displays stored values: modality LUT, then VOI LUT or window, then inversion.

pydicom's own look-up tables are not used: they index in the output's type, so a table of
4,096 entries of 8 bits fails (pydicom 3.0, ``pixels/processing.py``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from scipy.special import expit

from severity.codecs.pixel_layout import PixelLayout
from severity.errors import UntrustworthyPixels

_MOST_BITS = 16
_MOST_ENTRIES = 2**16  # of a look-up table; written as 0


@dataclass(frozen=True)
class Display:
    """Which values are shown black and white, with a straight line between.

    They are stored values where ``table`` is None. Otherwise they are entries of the table,
    which has one for each stored value from the lowest possible on.
    """

    black: float
    white: float
    table: NDArray[np.uint16 | np.float32] | None = None

    def covers(self, layout: PixelLayout) -> bool:
        """Return whether every value that the stored bits can hold has a grey of its own."""
        low, high = sorted((self.black, self.white))
        return self.table is None and low <= layout.lowest and layout.highest <= high

    def inverted(self) -> "Display":
        """Exchange black and white."""
        return Display(self.white, self.black, self.table)


def display_of(dataset: Dataset, layout: PixelLayout) -> Display:
    """Return how a data set's stored values are to be displayed.

    Values are scaled by the range that the header promises, never by the image's own
    extremes: that would hide a change between two images of a patient.

    Raises
    ------
    UntrustworthyPixels
        The header contradicts itself.

    References
    ----------
    * DICOM PS3.3, C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.6.3 (photometric
      interpretation); PS3.4, N.2 (their order).
    """
    display = _through_voi(_through_modality(dataset, layout), dataset)
    return display.inverted() if dataset.PhotometricInterpretation == "MONOCHROME1" else display


@dataclass(frozen=True)
class _Rescaled:
    """Stored values behind the modality LUT: a line or a table, and the range they may have."""

    layout: PixelLayout
    lowest: float
    highest: float
    slope: float = 1.0
    intercept: float = 0.0
    table: NDArray[np.uint16] | None = None

    def of_each_stored_value(self) -> NDArray[np.number]:
        if self.table is not None:
            return self.table
        return _stored_values(self.layout) * self.slope + self.intercept

    def shown_between(self, black: float, white: float) -> Display:
        """Return this black and white, as stored values unless there is a table."""
        _check_range(black, white)
        if self.table is not None:
            return Display(black, white, self.table)
        black, white = ((end - self.intercept) / self.slope for end in (black, white))
        _check_range(min(black, white), max(black, white))
        return Display(black, white)


def _stored_values(layout: PixelLayout) -> NDArray[np.float64]:
    return np.arange(layout.lowest, layout.highest + 1, dtype=np.float64)


def _through_modality(dataset: Dataset, layout: PixelLayout) -> _Rescaled:
    if dataset.get("ModalityLUTSequence"):
        table = _LookUpTable.of(dataset.ModalityLUTSequence[0], dataset)
        entries = table.look_up(_stored_values(layout))
        return _Rescaled(layout, 0, table.highest, table=entries)
    slope, intercept = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept")
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    low, high = sorted(end * slope + intercept for end in (layout.lowest, layout.highest))
    _check_range(low, high)
    return _Rescaled(layout, low, high, slope, intercept)


def _through_voi(grey: _Rescaled, dataset: Dataset) -> Display:
    """Apply the first VOI LUT; without one the first window; without one the whole range."""
    if dataset.get("VOILUTSequence"):
        # The sequence comes before a window: PS3.3, C.11.2.1.
        table = _LookUpTable.of(dataset.VOILUTSequence[0], dataset)
        return Display(0, table.highest, table.look_up(grey.of_each_stored_value()))
    centre, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if centre is None or width is None:
        return grey.shown_between(grey.lowest, grey.highest)
    match str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper():
        case "LINEAR":  # C.11.2.1.2.1: from the centre of one value to that of another
            return grey.shown_between(centre - width / 2, centre - 1 + width / 2)
        case "LINEAR_EXACT":  # C.11.2.1.3.2
            return grey.shown_between(centre - width / 2, centre + width / 2)
        case "SIGMOID":  # C.11.2.1.3.1
            _check_range(centre - width / 2, centre + width / 2)
            greys = expit((grey.of_each_stored_value() - centre) * (4 / width))
            return Display(0, 1, np.asarray(greys, dtype=np.float32))
        case other:
            raise UntrustworthyPixels(f"{other!r:.20} is not a VOI LUT Function (0028,1056)")


def _check_range(lowest: float, highest: float) -> None:
    with np.errstate(over="ignore"):
        numbers = np.array([highest - lowest, lowest, highest], dtype=np.float32)
    if not numbers[0] > 0 or not np.isfinite(numbers).all():
        raise UntrustworthyPixels(f"grey values from {lowest:g} to {highest:g} show nothing")


def _number(dataset: Dataset, keyword: str) -> float | None:
    """Return an attribute's first value; None where it is absent or empty."""
    value = dataset.get(keyword)
    if value is not None and not isinstance(value, str) and hasattr(value, "__len__"):
        value = value[0] if len(value) else None
    return None if value is None or value == "" else float(value)


@dataclass(frozen=True)
class _LookUpTable:
    """A modality or VOI LUT: ``entries`` for the input values from ``first`` on."""

    first: int
    entries: NDArray[np.uint16]
    bits: int

    @property
    def highest(self) -> int:
        return int(2**self.bits - 1)

    @classmethod
    def of(cls, item: Dataset, dataset: Dataset) -> "_LookUpTable":
        """Read a LUT sequence's item: PS3.3, C.11.1.1."""
        count, first, bits = (int(value) for value in item.LUTDescriptor)
        count = count % _MOST_ENTRIES or _MOST_ENTRIES
        data = item.LUTData
        if isinstance(data, bytes):
            data = _words(data, count, little_endian=dataset.original_encoding[1] is not False)
        entries = np.atleast_1d(np.asarray(data, dtype=np.int64)).astype(np.uint16)[:count]
        if not 1 <= bits <= _MOST_BITS or len(entries) < count or entries.max() >= 2**bits:
            raise UntrustworthyPixels(
                f"a look-up table of {len(entries)} entries up to {entries.max(initial=0)} "
                f"is described as {count} of {bits} bits"
            )
        return cls(first, entries, bits)

    def look_up(self, values: NDArray[np.number]) -> NDArray[np.uint16]:
        """Map values; those before the first and after the last entry get that entry."""
        at = np.clip(np.rint(values) - float(self.first), 0, len(self.entries) - 1)
        entries: NDArray[np.uint16] = self.entries[at.astype(np.int32)]
        return entries


def _words(data: bytes, count: int, *, little_endian: bool) -> NDArray[np.uint16 | np.uint8]:
    """Unpack entries of 16 bits, or of 8 bits where there are only as many bytes as entries."""
    words = np.frombuffer(data, "<u2" if little_endian else ">u2").astype("<u2")
    return words.view(np.uint8) if len(words) < count else words
