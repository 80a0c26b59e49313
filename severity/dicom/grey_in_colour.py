"""Grey films that are stored in colour, as workstations write captures of them."""

import numpy as np
from numpy.typing import NDArray
from pydicom import FileDataset
from pydicom.uid import UID

from severity.codecs.pixel_layout import PixelLayout
from severity.dicom.attributes import first_text
from severity.images.grey_of_colour import grey_of_colour

_CHANNELS, _BITS = 3, 8


def may_be_grey(dataset: FileDataset) -> bool:
    """Return whether the pixels are in colour and can be looked at: RGB of 8 bits, uncompressed."""
    return (
        dataset.SamplesPerPixel == _CHANNELS
        and first_text(dataset, "PhotometricInterpretation").upper() == "RGB"
        and dataset.BitsAllocated == dataset.BitsStored == _BITS
        and not UID(dataset.file_meta.TransferSyntaxUID).is_compressed
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
