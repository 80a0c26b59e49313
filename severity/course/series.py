"""Films of many patients over time, as arrays: the input of courses."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from severity.domain import View

VIEWS = tuple(View)
"""The view of each code: PA 0, AP 1, AP supine 2, unknown 3."""

Numbers = NDArray[np.float64]
Codes = NDArray[np.int8]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOWHERE = -1
"""The index of a baseline where a series has none."""


def view_code(view: View) -> int:
    """Return the code of a view in `Films.views`."""
    return VIEWS.index(view)


@dataclass(frozen=True, eq=False)
class Conversions:
    """How much less a film's points say that another model version gave, and a bridge converted.

    Parameters
    ----------
    shared
        Shape (N,): the standard deviation of the error that all converted films of a series have in
        common, in points; 0 for films of the version itself.
    own
        Shape (N,): the same of the error that each film has for itself, beside its measurement
        error.
    """

    shared: Numbers
    own: Numbers


@dataclass(frozen=True, eq=False)
class Films:
    """Films of many series, one after another: sorted by series, then by time.

    A series holds the films of one person (merged patients are one) of one episode, scored by one
    model version. A row may also be no film, but a time at which the level is asked for: its
    points are NaN, and it is not eligible.

    Parameters
    ----------
    series
        Shape (N,): 0 to S - 1, ascending, each occurring.
    days
        Shape (N,): time from any origin of the series, in days, ascending within it.
    points
        Shape (N,): the score before it is clipped to its scale.
    views
        Shape (N,): codes of `VIEWS`.
    eligible
        Shape (N,): in distribution, so that its score counts.
    conversions
        Of films that another model version scored; None where the version scored all of them.

    Raises
    ------
    ValueError
        The arrays differ in length, are not sorted, or an eligible film has no points.
    """

    series: Indices
    days: Numbers
    points: Numbers
    views: Codes
    eligible: Flags
    conversions: Conversions | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.series), len(self.days), len(self.points)}
        if lengths | {len(self.views), len(self.eligible)} != {len(self.series)}:
            raise ValueError("the arrays of films differ in length")
        steps = np.diff(self.series, prepend=-1)
        if not np.isin(steps, (0, 1)).all() or self.series[:1].any():
            raise ValueError("films are not sorted by series, numbered from 0")
        if (np.diff(self.days)[steps[1:] == 0] < 0).any() or not np.isfinite(self.days).all():
            raise ValueError("films of a series are not sorted by time")
        if not np.isfinite(self.points[self.eligible]).all():
            raise ValueError("an eligible film has no points")

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.series)

    @cached_property
    def starts(self) -> Indices:
        """The first row of each series, shape (S,)."""
        return np.flatnonzero(np.diff(self.series, prepend=-1)).astype(np.int64)

    @cached_property
    def counts(self) -> Indices:
        """The number of rows of each series, shape (S,)."""
        return np.diff(self.starts, append=len(self))

    @cached_property
    def first_eligible(self) -> Indices:
        """The first eligible row of each series, shape (S,); `NOWHERE` if it has none."""
        rows = np.flatnonzero(self.eligible)
        owners, positions = np.unique(self.series[rows], return_index=True)
        first = np.full(len(self.starts), NOWHERE, dtype=np.int64)
        first[owners] = rows[positions]
        return first

    def between(self, first: int, last: int) -> "Films":
        """Return the series from ``first`` up to and without ``last``, numbered from 0."""
        bounds = np.append(self.starts, len(self))
        return self._rows(slice(int(bounds[first]), int(bounds[last])))

    def of(self, series: Indices) -> "Films":
        """Return some of the series, which ascend, numbered from 0."""
        return self._rows(np.isin(self.series, series))

    def only_eligible(self) -> "Films":
        """Return the eligible films; series without any are gone, and the others numbered anew."""
        return self._rows(self.eligible)

    def _rows(self, rows: slice | Flags) -> "Films":
        series = self.series[rows]
        return Films(
            np.cumsum(np.diff(series, prepend=series[:1]) != 0),
            self.days[rows],
            self.points[rows],
            self.views[rows],
            self.eligible[rows],
            self.conversions
            and Conversions(self.conversions.shared[rows], self.conversions.own[rows]),
        )
