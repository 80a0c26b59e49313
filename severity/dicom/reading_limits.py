"""Limits of what pydicom reads from a DICOM file, and keeps.

pydicom asks a function before it reads a value (``stop_when``). Those here never stop it: they
refuse the file, or move it to the end of what is not needed.
"""

import os
from typing import BinaryIO

from pydicom.datadict import tag_for_keyword
from pydicom.tag import BaseTag

from severity.dicom.undefined_length import DELIMITER_BYTES, UNDEFINED_LENGTH, UndefinedLength
from severity.domain import Reason
from severity.errors import ImageOutsideLimits, RejectedImage, UnreadableImage

MOST_ELEMENTS = 250_000
"""Of the data set, and in its sequences of undefined length. Radiographs have hundreds."""

MOST_BYTES_OF_A_TABLE = 2**18
"""Twice those of the largest look-up table."""

MOST_OTHER_BYTES = 2**16
"""Of all other attributes that are kept; radiographs have 2,000. Conversion to numbers or text
takes up to 200 bytes and 13 microseconds for each."""

_PIXEL_DATA = {tag_for_keyword("PixelData")}
_TABLES = {
    tag_for_keyword("LUTData"),
    tag_for_keyword("ExtendedOffsetTable"),
    tag_for_keyword("ExtendedOffsetTableLengths"),
}
_TABLE_TYPES = {None, "OB", "OW", "OV", "UN", "US", "SS"}  # kept as bytes or small numbers
_HEADER_BYTES = 8


class KeptBytes:
    """Adds up the bytes of what pydicom keeps."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._total = 0

    def add(self, tag: BaseTag, value_type: str | None, length: int) -> bool:
        """Count an element whose value is about to be read; False, since reading goes on.

        Raises
        ------
        RejectedImage
        """
        if tag in _PIXEL_DATA:  # never converted
            return False
        if tag in _TABLES and value_type in _TABLE_TYPES:
            if length > MOST_BYTES_OF_A_TABLE:
                raise self._refusal(length, MOST_BYTES_OF_A_TABLE, "bytes of a table")
            return False
        self._total += _HEADER_BYTES + length
        if self._total > MOST_OTHER_BYTES:
            raise self._refusal(length, MOST_OTHER_BYTES, "bytes of attributes")
        return False

    def _refusal(self, length: int, most: int, what: str) -> RejectedImage:
        # Never an EOFError: pydicom takes it for the end of the data set.
        value_at = self._file.tell()
        if value_at + length > self._file.seek(0, os.SEEK_END):
            return UnreadableImage(Reason.CORRUPT, "a value is longer than the file")
        return _beyond(most, what)


def _beyond(most: int, what: str) -> RejectedImage:
    return ImageOutsideLimits(Reason.TOO_LARGE, f"more than {most} {what}")


class ReadingLimits:
    """The limits of one file's data set.

    Attributes
    ----------
    elements
        How many were seen, needed or not.
    sequences
        Of each needed sequence, where its value begins and whether it is implicit.
    """

    def __init__(
        self,
        file: BinaryIO,
        undefined_length: UndefinedLength,
        needed: frozenset[int],
        needed_sequences: frozenset[int],
    ) -> None:
        self.elements = 0
        self.sequences: dict[int, tuple[int, bool]] = {}
        self._file, self._undefined_length = file, undefined_length
        self._needed, self._needed_sequences = needed, needed_sequences
        self._kept = KeptBytes(file)

    def in_data_set(self, tag: BaseTag, value_type: str | None, length: int) -> bool:
        """Limit an element of the data set; False, since reading goes on."""
        self._count()
        if tag in self._needed_sequences and length:
            self.sequences[tag] = self._file.tell(), value_type is None
        if length == UNDEFINED_LENGTH:
            self._limit_undefined(tag, value_type)
        elif tag in self._needed:
            self._kept.add(tag, value_type, length)
        return False

    def in_item(self, tag: BaseTag, value_type: str | None, length: int) -> bool:
        """Limit an element of a needed sequence's item; False, since reading goes on."""
        self._count()
        if length == UNDEFINED_LENGTH:
            self._limit_undefined(tag, value_type)
        else:
            self._kept.add(tag, value_type, length)
        return False

    def _count(self) -> None:
        self.elements += 1
        if self.elements > MOST_ELEMENTS:
            raise _beyond(MOST_ELEMENTS, "elements")

    def _limit_undefined(self, tag: BaseTag, value_type: str | None) -> None:
        """Make the value appear empty, by moving to its end, unless it is the pixels."""
        is_pixels = tag in _PIXEL_DATA and value_type not in {"SQ", "UN"}
        if tag in self._needed and not is_pixels:
            raise UnreadableImage(Reason.CORRUPT, f"an undefined length of {tag}")
        end = self._undefined_length.end(self._file.tell(), value_type, count=self._count)
        if not is_pixels:
            self._file.seek(end - DELIMITER_BYTES)
