"""The lines of a text file of unknown encoding, one after another."""

import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

_LONGEST_LINE = 2**16  # characters of UTF-16, else bytes: bounds the memory
_UTF_16 = {BOM_UTF16_LE: "utf-16", BOM_UTF16_BE: "utf-16"}
_CODE_UNIT = 2  # bytes, of UTF-16


@dataclass(frozen=True)
class _Piece:
    """A part of a file up to the end of its line, if that is near; empty at the file's end."""

    text: str
    ends_line: bool


def numbered_lines(file: BinaryIO) -> Iterator[tuple[int, str | None]]:
    """Yield the number and the text of each line; None in place of one that is too long.

    Parameters
    ----------
    file
        UTF-16 if it begins with its byte-order mark, or with a NUL in its first character. Else
        each line is UTF-8, or Windows-1252 if it is no UTF-8; what neither has is U+FFFD.
    """
    encoding = _utf_16(file)
    read = _utf_16_reader(file, encoding) if encoding else _byte_reader(file)
    number = 1
    while (piece := read()).text:
        line: str | None = piece.text
        while not piece.ends_line and (piece := read()).text:
            line = None
        yield number, line if line is None else line.rstrip("\r\n").removeprefix("\ufeff")
        number += 1


def _utf_16(file: BinaryIO) -> str:
    """Return the encoding if it is UTF-16, else an empty text; leave the file at its beginning."""
    first = file.read(_CODE_UNIT)
    file.seek(0)
    if first[:1] == b"\0":
        return "utf-16-be"
    return _UTF_16.get(first, "utf-16-le" if first[1:] == b"\0" else "")


def _utf_16_reader(file: BinaryIO, encoding: str) -> Callable[[], _Piece]:
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="\n")

    def read() -> _Piece:
        piece = text.readline(_LONGEST_LINE)
        return _Piece(piece, piece.endswith("\n") or len(piece) < _LONGEST_LINE)

    return read


def _byte_reader(file: BinaryIO) -> Callable[[], _Piece]:
    def read() -> _Piece:
        piece = file.readline(_LONGEST_LINE)
        return _Piece(_decoded(piece), piece.endswith(b"\n") or len(piece) < _LONGEST_LINE)

    return read


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
