"""Checks of a compressed frame's headers, before a decoder allocates anything.

Decoders believe the frame and not the DICOM header: a few damaged bytes in it could make
them reserve gigabytes, and some of them decode the first half of a frame without complaint.
"""

import re
import struct
from itertools import pairwise

from severity.codecs.jpeg_2000 import Jpeg2000Header, NotACodestream
from severity.codecs.pixel_layout import PixelLayout
from severity.domain import Reason
from severity.errors import UnreadableImage, UntrustworthyPixels

_END = b"\xff\xd9"  # End of image in JPEG, end of codestream in JPEG 2000
_LONGEST_REMAINDER = 8  # bytes of any kind behind the end; padding may be longer
_JP2_START = b"\x00\x00\x00\x0cjP  "
_JPEG_START = b"\xff\xd8"
FRAMES = {*range(0xFFC0, 0xFFD0), 0xFFF7} - {0xFFC4, 0xFFC8, 0xFFCC}
"""Markers of a JPEG frame's header (SOF), and of JPEG-LS."""
PROGRESSIVE = {0xFFC2, 0xFFC6, 0xFFCA, 0xFFCE}
"""Those of frames in any number of scans."""
# What may come before a frame: DHT, DAC, DQT, DRI, LSE, APPn and COM. A hierarchical
# sequence (DHP) has a size of its own and is not among them.
_TABLES = {0xFFC4, 0xFFCC, 0xFFDB, 0xFFDD, 0xFFF8, *range(0xFFE0, 0xFFF0), 0xFFFE}
_FILL = 0xFFFF
_MOST_TABLES = 1_000  # and fill bytes, before the header of a JPEG frame
_SCAN = re.compile(rb"\xff\xda")
_MOST_SCANS = 100  # a decoder goes through all pixels for each; encoders write up to 15
_MOST_TILES = 4096  # tiles of 128 x 128 in the largest image that is read
_MOST_PACKETS = 2**20  # precincts of 64 x 64 in it, 40 layers deep
_RLE_HEADER = struct.Struct("<16I")


def check_jpeg(frame: bytes, layout: PixelLayout) -> int:
    """Refuse a JPEG or JPEG-LS frame that is cut off or contradicts the DICOM header.

    Parameters
    ----------
    frame
        One encapsulated frame, its fragments joined.

    Returns
    -------
    The precision of its samples, in bits.

    Raises
    ------
    UnreadableImage, UntrustworthyPixels

    References
    ----------
    * ISO/IEC 10918-1, B.2 (JPEG), 14495-1, C.2 (JPEG-LS).
    * DICOM PS3.5, A.4.
    """
    if not frame.startswith(_JPEG_START):
        raise UnreadableImage(Reason.CORRUPT, "the compressed frame is not JPEG")
    at = len(_JPEG_START)
    for _ in range(_MOST_TABLES):
        marker, length = struct.unpack_from(">2H", frame, at)
        if marker not in _TABLES and marker != _FILL:
            break
        at += 1 if marker == _FILL else 2 + length
    if marker not in FRAMES:
        raise UnreadableImage(Reason.CORRUPT, f"unexpected marker {marker:04x} in a JPEG frame")
    if marker in PROGRESSIVE:
        check_scans(frame)
    bits, rows, columns, components = struct.unpack_from(">B2HB", frame, at + 4)
    _check_size(layout, rows, columns, components)
    _check_bits(layout, bits)
    _check_end(frame)
    return int(bits)


def check_scans(jpeg: bytes) -> None:
    """Refuse a JPEG of more scans than an image has.

    Raises
    ------
    UnreadableImage
    """
    scans = sum(1 for _ in _SCAN.finditer(jpeg))
    if scans > _MOST_SCANS:
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING, f"a JPEG of {scans} scans; {_MOST_SCANS} are the most"
        )


def check_jpeg_2000(
    frame: bytes, layout: PixelLayout, *, high_throughput: bool = False
) -> Jpeg2000Header:
    """Refuse a codestream that is cut off, needs too much, or contradicts the DICOM header.

    Parameters
    ----------
    high_throughput
        Whether the transfer syntax promises HTJ2K.

    Raises
    ------
    UnreadableImage, UntrustworthyPixels
    """
    if frame.startswith(_JP2_START):
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING, "a JP2 file inside DICOM, which the standard forbids"
        )
    try:
        header = Jpeg2000Header.of(frame)
    except NotACodestream as error:
        raise UnreadableImage(
            Reason.CORRUPT, f"the compressed frame is not JPEG 2000: {error}"
        ) from error
    _check_size(layout, header.rows, header.columns, header.components)
    _check_bits(layout, header.bits)
    if header.signed != layout.signed:
        raise UntrustworthyPixels("the compressed frame and the header differ in signedness")
    if header.subsampled or not header.uniform:
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING,
            "a JPEG 2000 frame that is subsampled or whose tiles are coded in different ways",
        )
    if header.tiles > _MOST_TILES or header.packets > _MOST_PACKETS:
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING,
            f"a JPEG 2000 frame of {header.tiles} tiles and up to {header.packets} packets",
        )
    if header.high_throughput != high_throughput:
        raise UntrustworthyPixels("the transfer syntax and the frame differ about HTJ2K")
    _check_end(frame)
    return header


def check_rle(frame: bytes, layout: PixelLayout) -> None:
    """Refuse an RLE frame unless it has one segment for each byte of a pixel, in order.

    Raises
    ------
    UnreadableImage, UntrustworthyPixels

    References
    ----------
    * DICOM PS3.5, G.5 (header of the RLE segments).
    """
    count, *offsets = _RLE_HEADER.unpack_from(frame)
    if count > len(offsets):
        raise UnreadableImage(Reason.CORRUPT, f"{count} RLE segments; 15 are the most")
    if count != layout.bits_allocated // 8:
        raise UntrustworthyPixels(
            f"{count} RLE segments, the header says {layout.bits_allocated} bits a pixel"
        )
    starts = [*offsets[:count], len(frame)]
    if starts[0] != _RLE_HEADER.size or any(end <= start for start, end in pairwise(starts)):
        raise UnreadableImage(Reason.CORRUPT, "the RLE segments are out of order or cut off")


def _check_size(layout: PixelLayout, rows: int, columns: int, components: int) -> None:
    if (rows, columns, components) != (layout.rows, layout.columns, layout.samples):
        raise UntrustworthyPixels(
            f"the compressed frame has {rows} x {columns} pixels of {components} components, "
            f"the header says {layout.rows} x {layout.columns} of {layout.samples}"
        )


def _check_bits(layout: PixelLayout, bits: int) -> None:
    """Refuse samples that do not fit; encoders do write 16 bits where fewer are stored."""
    if bits > layout.bits_allocated:
        raise UntrustworthyPixels(
            f"the compressed frame has {bits} bits a pixel, of {layout.bits_allocated} allocated"
        )


def _check_end(frame: bytes) -> None:
    """Refuse a frame without its end. Some archives pad it with zeros, to whole blocks."""
    if _END not in frame.rstrip(b"\0")[-len(_END) - _LONGEST_REMAINDER :]:
        raise UnreadableImage(Reason.CORRUPT, "the compressed frame is cut off")
