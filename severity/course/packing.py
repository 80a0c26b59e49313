"""Rows of many series, reordered so that the k-th rows of all series lie together."""

from collections.abc import Iterator

import numpy as np

from severity.course.series import Films, Indices


class Packing:
    """The order in which a filter walks many series at once, longest series first.

    ``order`` holds the row of the films that lies at each packed position, shape (N,);
    ``position`` the packed position of each row.
    """

    def __init__(self, films: Films) -> None:
        ranked = np.argsort(-films.counts, kind="stable")
        rank = np.empty_like(ranked)
        rank[ranked] = np.arange(len(ranked))
        step = np.arange(len(films)) - films.starts[films.series]
        self._series_at = np.bincount(step)
        self._offsets = np.concatenate(([0], np.cumsum(self._series_at)))
        self.ranked: Indices = ranked
        self.position: Indices = self._offsets[step] + rank[films.series]
        self.order: Indices = np.empty_like(self.position)
        self.order[self.position] = np.arange(len(films))

    def steps(self) -> Iterator[slice]:
        """Yield the packed positions of all series' first rows, then their second, and so on.

        The series of a step are the first of those of the step before.
        """
        for first, last in zip(self._offsets, self._offsets[1:], strict=False):
            yield slice(int(first), int(last))
