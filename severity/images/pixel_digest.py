"""A digest of an image's pixels: equal for the same image in different files and encodings."""

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from severity.images.grey_image import Band, GreyImage
from severity.images.wavelet import low_band_rows

_EVERY = 8  # rows of the low-pass band; 16 of the image
_BEYOND = 2**24  # any value of 16 bits, so that a window may be as wide as it likes


def pixel_sha256(grey: GreyImage) -> str:
    """Hash an image's size, its black and white, and a sample of its pixels.

    The sample is every 8th row, whole, of the low-pass band of one level of the reversible
    5/3 wavelet. A half-size image *is* that band, and from a full one its rows are computed
    exactly. So an image is the same uncompressed, compressed without loss, and decoded to half
    its size. Only the distance from black counts: signed and unsigned values may be the same.

    Two exposures always differ, if only by their noise; so do shifted or rescaled copies. An
    edit is noticed if it changes a sampled row, and these see 5 rows of the image out of 16:
    a mark that covers 16 rows always does, a line of text between them may not. Nor need a
    change of one grey level, which the wavelet can round away.

    Images that were compressed with loss and decoded to half size, and values that already
    went through a curve (floats), equal only themselves, decoded in the same way.

    Overshoot of the band is limited to black and white. A half-size image equals the full one
    as long as its decoder limited it no further, and no pixel was beyond the window.

    Returns
    -------
    64 hexadecimal digits.
    """
    lowest = max(math.ceil(min(grey.black, grey.white)), -_BEYOND)
    if grey.band is Band.LOW_9_7 or grey.values.dtype.kind == "f":
        lowest, sample = 0, grey.values
    else:
        sample = _sampled_rows(grey, lowest)
    # Little-endian on every machine.
    sample = np.ascontiguousarray(sample, dtype=sample.dtype.newbyteorder("<"))
    digest = hashlib.sha256(
        f"{grey.rows} {grey.columns} {grey.black - lowest} {grey.white - lowest} "
        f"{sample.dtype.str} {sample.shape}".encode()
    )
    digest.update(sample.data)
    return digest.hexdigest()


def _sampled_rows(grey: GreyImage, lowest: int) -> NDArray[np.int32]:
    """Return rows of the low-pass band, counted from the lowest value of the window."""
    if grey.band is Band.FULL:
        rows = low_band_rows(grey.values, every=_EVERY)
    else:
        rows = grey.values[::_EVERY].astype(np.int32)
    highest = min(math.floor(max(grey.black, grey.white)), _BEYOND)
    return np.clip(rows, lowest, highest) - np.int32(lowest)
