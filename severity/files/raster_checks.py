"""Checks of a PNG or JPEG file's structure, before Pillow reads it.

Pillow keeps each chunk or segment as an object, and expands the compressed ones: files of 32 MB
took a gigabyte or minutes.
"""

import struct
from collections import Counter

from PIL.JpegImagePlugin import MARKER

from severity.codecs.frame_checks import FRAMES, PROGRESSIVE, check_scans
from severity.domain import Reason
from severity.errors import ImageOutsideLimits

_SIGNATURE_BYTES = 8
_CHUNK = struct.Struct(">I4s")
_CHECKSUM_BYTES = 4
_MOST_CHUNKS = 100_000  # of 1 kB in the largest image
_MOST_OTHER_CHUNKS = 1_000  # than pixels; some write a text for each attribute of a DICOM file
_MOST_COMPRESSED_CHUNKS = 100
_COMPRESSED = {b"iCCP", b"iTXt", b"zTXt"}  # text and colour profiles, up to 1 MB each

_SEGMENT = struct.Struct(">2H6x")  # marker, length, and as much as has the number of components
_START_BYTES, _LENGTH_BYTES, _COMPONENTS_AT = 2, 2, 9
_MOST_SEGMENTS = 500  # a colour profile may have 255; also counts bytes that belong to none
_FIRST_MARKER, _FILL, _SOS = 0xFF00, 0xFFFF, 0xFFDA
_END = b"\xff\xd9"


def check_png(content: bytes) -> None:
    """Refuse a PNG of more chunks than an image has.

    Raises
    ------
    ImageOutsideLimits
    struct.error
        The file is cut off.

    References
    ----------
    * PNG (third edition), 5.3 (chunk layout), 11.3 (ancillary chunks).
    """
    kinds: Counter[str] = Counter()
    at = _SIGNATURE_BYTES
    for _ in range(_MOST_CHUNKS):
        length, kind = _CHUNK.unpack_from(content, at)
        if kind == b"IEND":
            return
        if not kind.isalpha():  # zeros, where a program reserved what it has not copied yet
            raise struct.error("no chunk")
        kinds["other"] += kind != b"IDAT"
        kinds["compressed"] += kind in _COMPRESSED
        if kinds["other"] > _MOST_OTHER_CHUNKS or kinds["compressed"] > _MOST_COMPRESSED_CHUNKS:
            break
        at += _CHUNK.size + length + _CHECKSUM_BYTES
    raise ImageOutsideLimits(Reason.TOO_LARGE, "more chunks than an image has")


def check_jpeg_file(content: bytes) -> None:
    """Refuse a JPEG of more segments or scans than an image has, or without its end.

    Raises
    ------
    RejectedImage
    EOFError
        There is no end: its decoder would take zeros for the rest of the image.
    """
    at, left, several_scans = _START_BYTES, _MOST_SEGMENTS, False
    while at + _SEGMENT.size <= len(content):
        marker, length = _SEGMENT.unpack_from(content, at)
        if marker == _SOS:
            if content.find(_END, at) < 0:
                raise EOFError
            if several_scans:
                check_scans(content)
            return
        after = _next_segment(content, at, marker, length)
        left -= 1 if marker >= _FIRST_MARKER else after - at
        if left < 0:
            raise ImageOutsideLimits(Reason.TOO_LARGE, "more segments than an image has")
        several_scans |= marker in PROGRESSIVE or (
            marker in FRAMES and content[at + _COMPONENTS_AT] != 1
        )
        at = after


def _next_segment(content: bytes, at: int, marker: int, length: int) -> int:
    """Return where Pillow looks for the next marker."""
    if marker < _FIRST_MARKER:
        following = content.find(b"\xff", at)
        return following if following >= 0 else len(content)
    if marker == _FILL:
        return at + 1
    _, _, handler = MARKER.get(marker, ("", "", None))
    return at + 2 if handler is None else at + 2 + max(length, _LENGTH_BYTES)
