"""Look-up tables of DICOM: what their descriptor says, and what their entries say otherwise.

pydicom's own are not used: they index in the output's type, so a table of 4,096 entries of
8 bits fails (pydicom 3.0, ``pixels/processing.py``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from severity.errors import UntrustworthyPixels

_MOST_BITS = 16
_MOST_ENTRIES = 2**16  # written as 0
_SIGN = 2**15


@dataclass(frozen=True)
class LookUpTable:
    """A modality or VOI LUT: ``entries`` for the input values from ``first`` on."""

    first: int
    entries: NDArray[np.uint16]
    bits: int

    @property
    def highest(self) -> int:
        """The highest value that an entry may have."""
        return int(2**self.bits - 1)

    @property
    def last(self) -> int:
        """The last input value that has an entry of its own."""
        return self.first + len(self.entries) - 1

    @classmethod
    def of(
        cls, item: Dataset, *, inputs: tuple[float, float], little_endian: bool
    ) -> "LookUpTable":
        """Read a LUT sequence's item.

        Where the descriptor says more bits than the largest entry has, the entries are believed:
        senders write 16 for tables of 12 bits, which would be shown nearly black.

        Parameters
        ----------
        inputs
            The lowest and the highest value that may be looked up.

        Raises
        ------
        UntrustworthyPixels
            The entries do not fit the descriptor, or no input value reaches them.

        References
        ----------
        * DICOM PS3.3, C.11.1.1 and C.11.2.1.1 (descriptors).
        """
        count, first, bits = (int(value) for value in item.LUTDescriptor)
        count = count % _MOST_ENTRIES or _MOST_ENTRIES
        data = item.LUTData
        if isinstance(data, bytes):
            data = _words(data, count, little_endian=little_endian)
        entries = np.atleast_1d(np.asarray(data, dtype=np.int64)).astype(np.uint16)[:count]
        largest = int(entries.max(initial=0))
        if not 1 <= bits <= _MOST_BITS or len(entries) < count or not 0 < largest < 2**bits:
            raise UntrustworthyPixels(
                f"a look-up table of {len(entries)} entries up to {largest} "
                f"is described as {count} of {bits} bits"
            )
        return cls(_first(first, count, inputs), entries, largest.bit_length())

    def look_up(self, values: NDArray[np.number]) -> NDArray[np.uint16]:
        """Map values; those before the first and after the last entry get that entry."""
        at = np.clip(np.rint(values) - float(self.first), 0, len(self.entries) - 1)
        entries: NDArray[np.uint16] = self.entries[at.astype(np.int32)]
        return entries


def _first(described: int, count: int, inputs: tuple[float, float]) -> int:
    """Return the first mapped value, with the sign by which the table meets its inputs.

    Whether the 16 bits have a sign follows from the inputs: PS3.3, C.11.2.1.1. In the implicit
    encoding nothing says it, and senders write the wrong type in the explicit ones.
    """
    unsigned = described % (2 * _SIGN)
    candidates = {described, unsigned, unsigned - 2 * _SIGN if unsigned >= _SIGN else unsigned}

    def reached(first: int) -> tuple[float, bool]:
        low, high = inputs
        return min(high, first + count - 1) - max(low, first), first == described

    first = max(candidates, key=reached)
    if reached(first)[0] < 0:
        raise UntrustworthyPixels(f"no value from {inputs[0]:g} to {inputs[1]:g} is in the table")
    return first


def _words(data: bytes, count: int, *, little_endian: bool) -> NDArray[np.uint16 | np.uint8]:
    """Unpack entries of 16 bits, or of 8 bits where there are only as many bytes as entries."""
    words = np.frombuffer(data, "<u2" if little_endian else ">u2").astype("<u2")
    return words.view(np.uint8) if len(words) < count else words
