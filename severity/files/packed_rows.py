"""Rows of text by their first cell, packed: a million take tens of megabytes."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

_BETWEEN_CELLS = "\x1f"
_MOST_SPELLINGS = 64  # of one name; more would take minutes to compare

Row = tuple[str, ...]


class PackedRows:
    """Rows of text, each found by its first cell; a row is unpacked when it is asked for.

    All rows stand in one text, with the sorted hashes of their first cells beside it: a million
    strings and tuples would take a gigabyte.
    """

    def __init__(self, rows: Iterable[Row], form: Callable[[str], str]) -> None:
        """Pack rows whose cells hold no control characters.

        Parameters
        ----------
        form
            What is the same of all spellings of one name.

        Raises
        ------
        ValueError
            Two different rows have the same first cell.
        """
        self._form = form
        self._text, self._starts = bytearray(), array("Q", [0])
        hashes = array("q")
        for row in rows:
            self._text += _BETWEEN_CELLS.join(row).encode()
            self._starts.append(len(self._text))
            hashes.append(hash(form(row[0])))
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
        spellings = set()
        for other in self._places(row[0]):
            before = self._row(self._order[other])
            spellings.add(before[0])
            if len(spellings) > _MOST_SPELLINGS:
                raise ValueError(f"more than {_MOST_SPELLINGS} spellings of one name")
            if before[0] == row[0]:
                if before != row:
                    raise ValueError(f"record {self._order[place] + 1}: names a file a second time")
                return other != place
        return False  # another name that has the same hash

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, np.sort(self._order).tolist())

    @property
    def count(self) -> int:
        """How many rows were packed, with repetitions: the numbers of rows are below it."""
        return len(self._starts) - 1

    def find(self, name: str) -> Row | None:
        """Return the row whose first cell is exactly this name; None if there is none."""
        return next((row for _, row in self.spelled_alike(name) if row[0] == name), None)

    def spelled_alike(self, name: str) -> list[tuple[int, Row]]:
        """List the rows whose first cell is this name in any spelling, each with its number."""
        numbers = (self._order[place] for place in self._places(name))
        return [(number, self._row(number)) for number in numbers]

    def _places(self, name: str) -> Iterator[int]:
        form = self._form(name)
        wanted = hash(form)
        place = bisect_left(self._hashes, wanted)
        while place < len(self._hashes) and self._hashes[place] == wanted:
            if self._form(self._row(self._order[place])[0]) == form:
                yield place
            place += 1

    def _row(self, number: int) -> Row:
        start, end = self._starts[number], self._starts[number + 1]
        return tuple(self._text[start:end].decode().split(_BETWEEN_CELLS))
