"""The encoding of a sidecar: UTF-8, UTF-16 as spreadsheets save "Unicode text", or cp1252."""

import codecs
import re

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_PROBE = 512  # bytes; a header is ASCII, so every other byte of it is zero in UTF-16
_CHUNK = 2**20
_LONG_UTF_8 = re.compile(rb"[\xc3-\xf4][\x80-\xbf]+")


def encoding_of(content: bytes) -> str:
    """Return the name of the encoding of a text, for `bytes.decode`.

    What is no UTF-8 is cp1252, the encoding of Windows in western Europe and America, unless some
    of it is UTF-8: then the text is damaged, and names in it would be read as others.

    Raises
    ------
    ValueError
        It is none of these; the message says in which line.
    """
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            return name
    if name := _utf_16_without_mark(content[:_PROBE]):
        return name
    broken_at = _not_utf_8(content)
    if broken_at is None:
        return "utf-8"
    if not _LONG_UTF_8.search(content) and _is_cp1252(content):
        return "cp1252"
    line = content.count(b"\n", 0, broken_at) + 1
    raise ValueError(f"line {line}: neither UTF-8 nor UTF-16 nor cp1252")


def _utf_16_without_mark(beginning: bytes) -> str:
    zeros = [beginning[place::2].count(0) for place in (0, 1)]
    half = len(beginning) // 2
    if half and zeros[1] > half // 2 and not zeros[0]:
        return "utf-16-le"
    return "utf-16-be" if half and zeros[0] > half // 2 and not zeros[1] else ""


def _not_utf_8(content: bytes) -> int | None:
    """Return where the first byte is that is no UTF-8; None if there is none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), _CHUNK):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(content[start : start + _CHUNK], final=start + _CHUNK >= len(content))
        except UnicodeDecodeError as error:
            return start - pending + error.start
    return None


def _is_cp1252(content: bytes) -> bool:
    return not re.search(rb"[\x81\x8d\x8f\x90\x9d]", content)
