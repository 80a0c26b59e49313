"""Rows of text by their first cell, packed: a million take tens of megabytes."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

_BETWEEN_CELLS = "\x1f"

Row = tuple[str, ...]


class PackedRows:
    """Rows of text, each found by its first cell; a row is unpacked when it is asked for.

    All rows stand in one text, with the sorted hashes of their first cells beside it: a million
    strings and tuples would take a gigabyte.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        """Pack rows whose cells hold no control characters.

        Raises
        ------
        ValueError
            Two different rows have the same first cell.
        """
        self._text, self._starts = bytearray(), array("Q", [0])
        hashes = array("q")
        for row in rows:
            self._text += _BETWEEN_CELLS.join(row).encode()
            self._starts.append(len(self._text))
            hashes.append(hash(row[0]))
        order = np.argsort(np.asarray(hashes), kind="stable")
        self._index(np.asarray(hashes)[order], order)
        self._leave_out_repetitions()

    def _index(self, hashes: NDArray[np.int64], order: NDArray[np.int64]) -> None:
        # Views: bisect is ten times slower on arrays, which make an object of NumPy's for each.
        self._hashes, self._order = hashes.data, order.data

    def _leave_out_repetitions(self) -> None:
        hashes, order = np.asarray(self._hashes), np.asarray(self._order)
        suspects = np.flatnonzero(hashes[1:] == hashes[:-1]) + 1
        in_their_order = suspects[np.argsort(order[suspects])].tolist()
        repeated = [place for place in in_their_order if self._repeats(place)]
        self._index(np.delete(hashes, repeated), np.delete(order, repeated))

    def _repeats(self, place: int) -> bool:
        """Whether a row says what an earlier row of its name says."""
        row = self._row(self._order[place])
        first = self._place(row[0])
        if first is None or first == place:
            return False  # another name that has the same hash
        if self._row(self._order[first]) != row:
            raise ValueError(f"record {self._order[place] + 1}: names a file a second time")
        return True

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, np.sort(self._order).tolist())

    def find(self, name: str) -> Row | None:
        """Return the row whose first cell is this name; None if there is none."""
        place = self._place(name)
        return None if place is None else self._row(self._order[place])

    def _place(self, name: str) -> int | None:
        wanted = hash(name)
        place = bisect_left(self._hashes, wanted)
        while place < len(self._hashes) and self._hashes[place] == wanted:
            if self._row(self._order[place])[0] == name:
                return place
            place += 1
        return None

    def _row(self, number: int) -> Row:
        start, end = self._starts[number], self._starts[number + 1]
        return tuple(self._text[start:end].decode().split(_BETWEEN_CELLS))
