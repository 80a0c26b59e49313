"""Pixels of a file that was copied in part, into a file of its whole size."""

import numpy as np
from numpy.typing import NDArray

_ROWS_ABOVE = 3
_SAME_END = 4  # pixels, between the ends of rows that end alike
_LEAST_LOST = 16  # pixels of the last row
_LEAST_SPAN, _LEAST_FILLED = 0.25, 0.5  # of the columns, and of a film's row from end to end


def ends_in_mid_row(stored: NDArray[np.generic]) -> bool:
    """Whether pixels end in mid-row, with zeros from there on, although the rows above do not.

    Some programs reserve a file's whole size before they copy it, and what they have not
    copied yet reads as zeros. A border that is black by itself begins with a row, a slanted
    one ends each row elsewhere, and words in one have gaps: some letters reach further down.

    Parameters
    ----------
    stored
        Shape (rows, columns), as they are in the file.
    """
    if stored[-1].any():
        return False
    rows = np.flatnonzero(stored.any(axis=1))
    if not len(rows) or rows[-1] < _ROWS_ABOVE:
        return False
    *above, last = stored[rows[-1] - _ROWS_ABOVE : rows[-1] + 1]
    ends = [_end(row) for row in above]
    ends_early = max(ends) - min(ends) <= _SAME_END and min(ends) - _end(last) >= _LEAST_LOST
    return ends_early and all(map(_is_filled, above))


def _end(row: NDArray[np.generic]) -> int:
    """Return where the last pixel that is not zero stands; -1 if there is none."""
    return int(np.flatnonzero(row).max(initial=-1))


def _is_filled(row: NDArray[np.generic]) -> bool:
    """Whether it is a row of a film, and not of words: long, and most of its pixels are no zero."""
    filled = np.flatnonzero(row)
    span = filled[-1] + 1 - filled[0]
    return bool(span >= _LEAST_SPAN * len(row) and len(filled) >= _LEAST_FILLED * span)
