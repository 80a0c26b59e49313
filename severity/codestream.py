"""What a compressed frame says of itself, read before a decoder allocates anything.

Decoders believe the frame and not the DICOM header: a few damaged bytes in it could make
them reserve gigabytes, and some of them decode the first half of a frame without complaint.
"""

import struct

from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from severity.domain import Reason
from severity.errors import UnreadableImage, UntrustworthyPixels

_END = b"\xff\xd9"  # End of image in JPEG, end of codestream in JPEG 2000
_LONGEST_PADDING = 8
_J2K_START = b"\xff\x4f\xff\x51"  # SOC, SIZ
_JP2_START = b"\x00\x00\x00\x0cjP  "
_JPEG_START = b"\xff\xd8"
_FRAMES = {*range(0xFFC0, 0xFFD0), 0xFFF7} - {0xFFC4, 0xFFC8, 0xFFCC}  # SOF, and of JPEG-LS
# What may come before a frame: DHT, DAC, DQT, DRI, LSE, APPn and COM. A hierarchical
# sequence (DHP) has a size of its own and is not among them.
_TABLES = {0xFFC4, 0xFFCC, 0xFFDB, 0xFFDD, 0xFFF8, *range(0xFFE0, 0xFFF0), 0xFFFE}
_FILL = 0xFFFF


def check_codestream(frame: bytes, syntax: UID, *, rows: int, columns: int) -> None:
    """Refuse a frame that is cut off or of another size than the DICOM header says.

    Parameters
    ----------
    frame
        One encapsulated frame, its fragments joined.
    syntax
        The transfer syntax; frames of other families than JPEG and JPEG 2000 pass.

    Raises
    ------
    UnreadableImage, UntrustworthyPixels

    References
    ----------
    * ISO/IEC 10918-1, B.2 (JPEG), 14495-1, C.2 (JPEG-LS), 15444-1, A.5.1 (JPEG 2000).
    * DICOM PS3.5, A.4.
    """
    if syntax in JPEG2000TransferSyntaxes:
        size = _jpeg_2000_size(frame)
    elif syntax in JPEGTransferSyntaxes or syntax in JPEGLSTransferSyntaxes:
        size = _jpeg_size(frame)
    else:
        return
    if size != (rows, columns, 1):
        raise UntrustworthyPixels(
            "the compressed frame has {} x {} pixels of {} components".format(*size)
            + f", the header says {rows} x {columns} of 1"
        )
    if _END not in frame[-len(_END) - _LONGEST_PADDING :]:
        raise UnreadableImage(Reason.CORRUPT, "the compressed frame is cut off")


def _jpeg_2000_size(frame: bytes) -> tuple[int, int, int]:
    if frame.startswith(_JP2_START):
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING, "a JP2 file inside DICOM, which the standard forbids"
        )
    if not frame.startswith(_J2K_START):
        raise UnreadableImage(Reason.CORRUPT, "the compressed frame is not JPEG 2000")
    right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
    components, _, across, down = struct.unpack_from(">H3B", frame, 40)
    if (across, down) != (1, 1):
        raise UnreadableImage(Reason.UNSUPPORTED_ENCODING, "a subsampled JPEG 2000 frame")
    return bottom - top, right - left, components


def _jpeg_size(frame: bytes) -> tuple[int, int, int]:
    if not frame.startswith(_JPEG_START):
        raise UnreadableImage(Reason.CORRUPT, "the compressed frame is not JPEG")
    at = len(_JPEG_START)
    marker, length = struct.unpack_from(">2H", frame, at)
    while marker in _TABLES or marker == _FILL:
        at += 1 if marker == _FILL else 2 + length
        marker, length = struct.unpack_from(">2H", frame, at)
    if marker not in _FRAMES:
        raise UnreadableImage(Reason.CORRUPT, f"unexpected marker {marker:04x} in a JPEG frame")
    rows, columns, components = struct.unpack_from(">2HB", frame, at + 5)
    return rows, columns, components
