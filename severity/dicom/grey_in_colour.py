"""Grey films that are stored in colour, as workstations write captures of them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydicom import FileDataset
from pydicom.uid import JPEG2000, UID, JPEG2000Lossless, JPEGBaseline8Bit

from severity.codecs.pixel_layout import PixelLayout
from severity.dicom.attributes import first_text
from severity.images.grey_of_colour import grey_of_colour, is_without_chroma

_CHANNELS, _BITS = 3, 8
# Their decoders return red, green and blue, whichever colours the frame was encoded in.
_COMPRESSED = frozenset({JPEGBaseline8Bit, JPEG2000, JPEG2000Lossless})
_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})


def may_be_grey(dataset: FileDataset) -> bool:
    """Return whether the pixels are in colour and can be looked at: 8 bits a channel.

    They are RGB if they are uncompressed, or any colours in JPEG or JPEG 2000.
    """
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    colours = _COLOURS if syntax in _COMPRESSED else {"RGB"}
    return (
        dataset.SamplesPerPixel == _CHANNELS
        and first_text(dataset, "PhotometricInterpretation").upper() in colours
        and dataset.BitsAllocated == dataset.BitsStored == _BITS
        and (syntax in _COMPRESSED or not syntax.is_compressed)
    )


def grey_channel(frame: bytes, layout: PixelLayout, *, is_planar: bool) -> NDArray[np.uint8]:
    """Return the first channel of a frame, shape (rows, columns).

    Parameters
    ----------
    is_planar
        Whether all pixels of a colour stand together, and not the colours of each pixel: PS3.3,
        C.7.6.3.1.3 (Planar Configuration).

    Raises
    ------
    UnreadableImage
        It is a colour image.
    """
    values = np.frombuffer(frame, np.uint8, count=layout.pixels * _CHANNELS)
    if is_planar:
        channels = values.reshape(_CHANNELS, layout.rows, layout.columns)
    else:
        channels = np.moveaxis(values.reshape(layout.rows, layout.columns, _CHANNELS), 2, 0)
    return np.ascontiguousarray(grey_of_colour(*channels))


def may_have_chroma(dataset: FileDataset) -> bool:
    """Return whether channels may be decoded as brightness and two of chroma.

    So they are of JPEG 2000 in YBR_FULL: its decoder undoes only the transforms that the frame
    itself states (YBR_ICT, YBR_RCT).
    """
    return (
        UID(dataset.file_meta.TransferSyntaxUID) in {JPEG2000, JPEG2000Lossless}
        and first_text(dataset, "PhotometricInterpretation").upper() == "YBR_FULL"
    )


def grey_of_decoded(
    decode: Callable[[bytes, PixelLayout], NDArray[np.number]],
    frame: bytes,
    layout: PixelLayout,
    *,
    may_have_chroma: bool,
) -> NDArray[np.uint8]:
    """Decode a compressed frame in colour and return its first channel, shape (rows, columns).

    Parameters
    ----------
    decode
        Returns red, green and blue, shape (rows, columns, 3).
    may_have_chroma
        Whether it may return brightness and chroma instead, of which grey has none.

    Raises
    ------
    RejectedImage
        The frame contradicts the header, or it is a colour image.
    """
    channels = np.moveaxis(decode(frame, layout).astype(np.uint8, copy=False), 2, 0)
    # Some writers name these colours and transform them as RGB: then the three are alike.
    is_brightness = may_have_chroma and is_without_chroma(*channels[1:])
    return np.ascontiguousarray(channels[0] if is_brightness else grey_of_colour(*channels))
