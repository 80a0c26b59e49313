"""Resampling an image whose pixels are not square."""

import numpy as np
from numpy.typing import NDArray

_ROWS_AT_ONCE = 64


def with_square_pixels(values: NDArray[np.generic], aspect: float) -> NDArray[np.generic]:
    """Resample the axis of the longer pixel side, linearly, so that pixels become square.

    No pixel is left out: the axis gets more of them.

    Parameters
    ----------
    values
        Shape (rows, columns).
    aspect
        Height of a pixel by its width.

    Returns
    -------
    Shape (rows * aspect, columns), or (rows, columns / aspect) if ``aspect`` is below 1, rounded;
    the same type.
    """
    if aspect >= 1:
        return _with_more_rows(values, round(len(values) * aspect))
    columns = round(values.shape[1] / aspect)
    return np.ascontiguousarray(_with_more_rows(np.ascontiguousarray(values.T), columns).T)


def _with_more_rows(values: NDArray[np.generic], count: int) -> NDArray[np.generic]:
    more = np.empty((count, values.shape[1]), values.dtype)
    # At the centres of equal cells; those before the first and behind the last centre are as these.
    places = (np.arange(count, dtype=np.float64) + 0.5) * (len(values) / count) - 0.5
    places = places.clip(0, len(values) - 1)
    above = np.minimum(places.astype(np.intp), len(values) - 2)
    share = (places - above).astype(np.float32)[:, None]
    for start in range(0, count, _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        upper = values[above[part]].astype(np.float32)
        blend = upper + (values[above[part] + 1].astype(np.float32) - upper) * share[part]
        more[part] = blend if values.dtype.kind == "f" else np.rint(blend)
    return more
