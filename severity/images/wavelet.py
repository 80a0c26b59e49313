"""One level of JPEG 2000's wavelets, as far as half-size images need it.

Analysis splits an axis into a low-pass band (even places) and details (odd places); synthesis
joins them again. Beyond its ends an axis is mirrored at its first and last sample.
PyWavelets transforms arrays; the resize of a half-size image needs the matrix itself.

References
----------
* ISO/IEC 15444-1 (JPEG 2000 Part 1), Annex F: F.3.8 (synthesis), F.4.8 (analysis), Table F.4
  (the lifting parameters of the 9/7 wavelet).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from severity.images.grey_image import Band

# Of the 9/7 wavelet, as the standard names them.
_ALPHA, _BETA = -1.586134342059924, -0.052980118572961
_GAMMA, _K = 0.882911075530934, 1.230174104914001


def synthesis(length: int, band: Band) -> sparse.csr_array:
    """Build the matrix that makes an axis from its low-pass band, details being zero.

    Returns
    -------
    Shape (length, ceil(length / 2)), float64; each row sums to 1.
    """
    evens, odds = (length + 1) // 2, length // 2
    at_even, at_odd = np.arange(evens), np.arange(odds)
    around_odd = _sum_of_two(at_odd, np.minimum(at_odd + 1, evens - 1), columns=evens)
    around_even = _sum_of_two(
        np.maximum(at_even - 1, 0), np.minimum(at_even, odds - 1), columns=odds
    )
    low = sparse.eye_array(evens, format="csr")
    if band is Band.LOW_5_3:
        even, odd = low, around_odd / 2
    else:
        even = _K * low
        odd = -_GAMMA * (around_odd @ even)
        even = even - _BETA * (around_even @ odd)
        odd = odd - _ALPHA * (around_odd @ even)
    places = np.concatenate([2 * at_even, 2 * at_odd + 1])
    return sparse.vstack([even, odd], format="csr")[np.argsort(places)]


def _sum_of_two(
    first: NDArray[np.intp], second: NDArray[np.intp], *, columns: int
) -> sparse.csr_array:
    """Build the matrix whose row i adds up samples ``first[i]`` and ``second[i]``."""
    rows = np.tile(np.arange(len(first)), 2)
    entries = (np.ones(len(rows)), (rows, np.concatenate([first, second])))
    return sparse.csr_array(entries, shape=(len(first), columns))


def low_band_rows(values: NDArray[np.generic], *, every: int) -> NDArray[np.int32]:
    """Analyse integers with the reversible 5/3 wavelet; return some rows of its low-pass band.

    Exactly what a lossless JPEG 2000 file holds, before a decoder limits it to the range of
    the stored values: first down the columns, then along the rows.

    Parameters
    ----------
    values
        Shape (rows, columns), integers of at most 16 bits, both at least 3.
    every
        Rows 0, ``every``, 2 ``every``, ... of the band are computed, from five rows each.

    Returns
    -------
    Shape (ceil(ceil(rows / 2) / every), ceil(columns / 2)).
    """
    rows, columns = values.shape
    last = rows - 1
    centres = np.arange(0, rows, 2 * every)
    around = (last - np.abs(last - np.abs(centres + step)) for step in range(-2, 3))
    down = _low_pass([values[at].astype(np.int32) for at in around])
    mirrored = np.pad(down, ((0, 0), (2, 2)), mode="reflect")
    return _low_pass([mirrored[:, step : columns + step : 2] for step in range(5)])


def _low_pass(around: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Compute a low-pass sample from the five pixels around it, by lifting."""
    far_before, before, centre, after, far_after = around
    details = (before - ((far_before + centre) >> 1)) + (after - ((centre + far_after) >> 1))
    low: NDArray[np.int32] = centre + ((details + 2) >> 2)
    return low
