"""Pixels of a file that was copied in part, into a file of its whole size."""

import numpy as np
from numpy.typing import NDArray

_ROWS_ABOVE = 3
_SAME_END = 4  # pixels, between the ends of rows that end alike
_LEAST_LOST = 16  # pixels of the last row


def ends_in_mid_row(stored: NDArray[np.generic]) -> bool:
    """Whether pixels end in mid-row, with zeros from there on, although the rows above do not.

    Some programs reserve a file's whole size before they copy it, and what they have not
    copied yet reads as zeros. A border that is black by itself begins with a row, and a slanted
    one ends each row elsewhere.

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
    *above, last = (_end(row) for row in stored[rows[-1] - _ROWS_ABOVE : rows[-1] + 1])
    return max(above) - min(above) <= _SAME_END and min(above) - last >= _LEAST_LOST


def _end(row: NDArray[np.generic]) -> int:
    """Return where the last pixel that is not zero stands; -1 if there is none."""
    return int(np.flatnonzero(row).max(initial=-1))
