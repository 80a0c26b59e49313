"""How DICOM displays stored values: modality LUT, then VOI LUT or window, then inversion."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from scipy.special import expit

from severity.codecs.pixel_layout import PixelLayout
from severity.dicom.attributes import as_written, attribute_names, first_number, first_text
from severity.dicom.look_up_table import LookUpTable
from severity.domain import Decision
from severity.errors import UntrustworthyPixels

_LINE = ("RescaleSlope", "RescaleIntercept")
_WINDOW = ("WindowCenter", "WindowWidth")
_MOST_BEYOND_A_FRAME = 0.5  # of its range; a window made for one bit more reaches further


@dataclass(frozen=True)
class Display:
    """Which values are shown black and white, with a straight line between.

    They are stored values where ``table`` is None. Otherwise they are entries of the table,
    which has one for each stored value from the lowest possible on. ``decisions`` say which
    attributes made it so.
    """

    black: float
    white: float
    table: NDArray[np.uint16 | np.float32] | None = None
    decisions: tuple[Decision, ...] = ()

    def covers(self, layout: PixelLayout) -> bool:
        """Return whether every value that the stored bits can hold has a grey of its own."""
        low, high = sorted((self.black, self.white))
        return self.table is None and low <= layout.lowest and layout.highest <= high

    def is_black(self, low: float, high: float) -> bool:
        """Return whether stored values from ``low`` to ``high`` are shown black by themselves."""
        if self.table is not None:
            return False
        side = 1 if self.black < self.white else -1
        return max((low - self.black) * side, (high - self.black) * side) <= 0

    def inverted(self) -> "Display":
        """Exchange black and white."""
        return replace(self, black=self.white, white=self.black)

    def decided(self, *decisions: Decision) -> "Display":
        """Return the same display with further decisions."""
        return replace(self, decisions=(*self.decisions, *decisions))


def display_of(dataset: Dataset, layout: PixelLayout) -> Display:
    """Return how a data set's stored values are to be displayed.

    Values are scaled by the range that the header promises, never by the image's own
    extremes: that would hide a change between two images of a patient. Of a capture in colour
    that is its bits alone: a window there is that of the film before, with more of them.

    Raises
    ------
    UntrustworthyPixels
        The header contradicts itself.

    References
    ----------
    * DICOM PS3.3, C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.6.3 (photometric
      interpretation); PS3.4, N.2 (their order).
    """
    if layout.samples > 1:
        return _of_colours(dataset, layout)
    display = _through_voi(_through_modality(dataset, layout), dataset)
    if layout.bits_in_frame is not None:
        _check_made_for_frame(dataset, display, layout)
    polarity = first_text(dataset, "PhotometricInterpretation").upper()
    is_inverse = polarity == "MONOCHROME1"
    outcome = "inverted: the lowest value is white" if is_inverse else "the lowest value is black"
    source = attribute_names("PhotometricInterpretation")
    display = display.decided(Decision("polarity", outcome, source, polarity))
    return display.inverted() if is_inverse else display


def _of_colours(dataset: Dataset, layout: PixelLayout) -> Display:
    """Show colours as they are: tables, windows and inversion are of one sample a pixel."""
    keyword = "PhotometricInterpretation"
    stated = Decision(
        "VOI LUT",
        "none: colours are shown as they are",
        attribute_names(keyword),
        as_written(dataset, keyword),
    )
    return Display(float(layout.lowest), float(layout.highest), decisions=(stated,))


def _check_made_for_frame(dataset: Dataset, display: Display, layout: PixelLayout) -> None:
    """Refuse a table or a window for more bits than the frame has: one of them is scaled."""
    least, most = sorted((display.black, display.white))
    beyond = max(layout.lowest - least, most - layout.highest)
    has_table = bool(dataset.get("ModalityLUTSequence")) or display.table is not None
    if has_table or beyond > _MOST_BEYOND_A_FRAME * (layout.highest - layout.lowest):
        raise UntrustworthyPixels(
            f"the compressed frame has {layout.bits_stored} bits a pixel, "
            f"fewer than the header's window or table is for"
        )


@dataclass(frozen=True)
class _Rescaled:
    """Stored values behind the modality LUT: a line or a table, and the range they may have."""

    layout: PixelLayout
    lowest: float
    highest: float
    decision: Decision
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
            return Display(black, white, self.table, (self.decision,))
        black, white = ((end - self.intercept) / self.slope for end in (black, white))
        _check_range(min(black, white), max(black, white))
        return Display(black, white, None, (self.decision,))


def _stored_values(layout: PixelLayout) -> NDArray[np.float64]:
    return np.arange(layout.lowest, layout.highest + 1, dtype=np.float64)


def _through_modality(dataset: Dataset, layout: PixelLayout) -> _Rescaled:
    if dataset.get("ModalityLUTSequence"):
        table = _table(dataset, "ModalityLUTSequence", (layout.lowest, layout.highest))
        entries = table.look_up(_stored_values(layout))
        return _Rescaled(
            layout,
            0,
            table.highest,
            _by_table("modality LUT", "ModalityLUTSequence", table),
            table=entries,
        )
    slope, intercept = (_number(dataset, keyword) for keyword in _LINE)
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    low, high = sorted(end * slope + intercept for end in (layout.lowest, layout.highest))
    _check_range(low, high)
    outcome = f"{slope:g} times the stored value, {intercept:+g}"
    written = as_written(dataset, *_LINE)
    decision = Decision(
        "modality LUT", outcome if written else "none", attribute_names(*_LINE), written
    )
    return _Rescaled(layout, low, high, decision, slope, intercept)


def _table(dataset: Dataset, keyword: str, inputs: tuple[float, float]) -> LookUpTable:
    little_endian = dataset.original_encoding[1] is not False
    return LookUpTable.of(dataset[keyword][0], inputs=inputs, little_endian=little_endian)


def _by_table(subject: str, keyword: str, table: LookUpTable) -> Decision:
    outcome = (
        f"a table of {len(table.entries)} entries from {table.first} on, up to {table.highest}"
    )
    return Decision(subject, outcome, attribute_names(keyword))


def _through_voi(grey: _Rescaled, dataset: Dataset) -> Display:
    """Apply the first VOI LUT; without one the first window; without one the whole range."""
    if dataset.get("VOILUTSequence"):
        # The sequence comes before a window: PS3.3, C.11.2.1.
        table = _table(dataset, "VOILUTSequence", (grey.lowest, grey.highest))
        entries = table.look_up(grey.of_each_stored_value())
        by_table = _by_table("VOI LUT", "VOILUTSequence", table)
        return Display(0, table.highest, entries, (grey.decision, by_table))
    centre, width = (_number(dataset, keyword) for keyword in _WINDOW)
    if centre is None or width is None:
        outcome = f"the whole range, {grey.lowest:g} to {grey.highest:g}"
        whole = Decision(
            "VOI LUT", outcome, attribute_names("BitsStored"), as_written(dataset, "BitsStored")
        )
        return grey.shown_between(grey.lowest, grey.highest).decided(whole)
    return _windowed(grey, dataset, centre, width).decided(
        Decision(
            "VOI LUT",
            f"the window of width {width:g} around {centre:g}",
            attribute_names(*_WINDOW, "VOILUTFunction"),
            as_written(dataset, *_WINDOW, "VOILUTFunction"),
        )
    )


def _windowed(grey: _Rescaled, dataset: Dataset, centre: float, width: float) -> Display:
    """Apply a window by its function."""
    match first_text(dataset, "VOILUTFunction") or "LINEAR":
        case "LINEAR":  # C.11.2.1.2.1: from the centre of one value to that of another
            return grey.shown_between(centre - width / 2, centre - 1 + width / 2)
        case "LINEAR_EXACT":  # C.11.2.1.3.2
            return grey.shown_between(centre - width / 2, centre + width / 2)
        case "SIGMOID":  # C.11.2.1.3.1
            _check_range(centre - width / 2, centre + width / 2)
            greys = expit((grey.of_each_stored_value() - centre) * (4 / width))
            return Display(0, 1, np.asarray(greys, dtype=np.float32), (grey.decision,))
        case other:
            raise UntrustworthyPixels(f"{other!r:.20} is not a VOI LUT Function (0028,1056)")


def _number(dataset: Dataset, keyword: str) -> float | None:
    try:
        return first_number(dataset, keyword)
    except (ValueError, TypeError) as error:
        raise UntrustworthyPixels(f"{keyword} is not a number") from error


def _check_range(lowest: float, highest: float) -> None:
    with np.errstate(over="ignore"):
        numbers = np.array([highest - lowest, lowest, highest], dtype=np.float32)
    if not numbers[0] > 0 or not np.isfinite(numbers).all():
        raise UntrustworthyPixels(f"grey values from {lowest:g} to {highest:g} show nothing")
