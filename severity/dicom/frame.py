"""The bytes of a DICOM data set's only frame."""

import struct

import numpy as np
from pydicom import FileDataset
from pydicom.dataelem import RawDataElement
from pydicom.encaps import get_frame
from pydicom.uid import UID

from severity.codecs.pixel_layout import PixelLayout
from severity.domain import Reason
from severity.errors import NotAFrontalChestRadiograph, UnreadableImage

_UNDEFINED_LENGTH = 2**32 - 1
_BYTE = 8  # bits
_BYTES_OF_A_BASIC_OFFSET, _BYTES_OF_AN_OFFSET = 4, 8  # the latter in the extended table


def is_encapsulated(dataset: FileDataset) -> bool:
    """Return whether the transfer syntax puts the pixels into frames: PS3.5, A.4."""
    return UID(dataset.file_meta.TransferSyntaxUID).is_encapsulated


def only_frame(dataset: FileDataset, layout: PixelLayout) -> bytes:
    """Return the bytes of the one frame, and refuse frames beyond it.

    Raises
    ------
    RejectedImage
    """
    # The raw element: pydicom would copy its value, which may be a view.
    element = dataset.get_item("PixelData")
    if not isinstance(element, RawDataElement):
        raise TypeError("the pixel data were accessed before")
    encapsulated = is_encapsulated(dataset)
    if (element.length == _UNDEFINED_LENGTH) != encapsulated:
        raise UnreadableImage(
            Reason.CORRUPT, "the transfer syntax and the pixel data differ about compression"
        )
    pixels = element.value or b""
    if not encapsulated:
        if layout.bits_allocated == _BYTE and element.VR == "OW" and not element.is_little_endian:
            # PS3.5, A.3: words of two bytes, of which the first in memory is the second pixel.
            words = np.frombuffer(pixels, np.uint16, count=len(pixels) // 2)
            pixels = words.byteswap().tobytes()
        size = layout.pixels * int(dataset.SamplesPerPixel) * layout.bits_allocated // 8
        if np.frombuffer(pixels, np.uint8)[size:].any():  # zeros are no frame
            _require_one(len(pixels) // size)
        return pixels
    pixels = bytes(pixels)
    offsets = dataset.get("ExtendedOffsetTable")
    lengths = dataset.get("ExtendedOffsetTableLengths")
    _require_one(_offsets(pixels))
    _require_one(max(len(table or b"") for table in (offsets, lengths)) // _BYTES_OF_AN_OFFSET)
    return get_frame(
        pixels,
        0,
        number_of_frames=1,
        extended_offsets=(offsets, lengths) if offsets and lengths else None,
    )


def _offsets(pixels: bytes) -> int:
    """Count the offsets in the basic offset table, which come with the first item: PS3.5, A.4."""
    _, length = struct.unpack_from("<2L", pixels)
    return int(length) // _BYTES_OF_A_BASIC_OFFSET


def _require_one(frames: int) -> None:
    if frames > 1:
        raise NotAFrontalChestRadiograph(
            Reason.MULTI_FRAME, "more frames than Number of Frames (0028,0008) says"
        )
