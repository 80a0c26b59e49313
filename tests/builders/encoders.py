"""Frames in every encoding that DICOM images come in, of any number of bits."""

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid

Pixels = NDArray[np.integer]

HTJ2K = [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K]


def j2k(pixels: Pixels, bits: int, **options: object) -> bytes:
    options = {"level": 0, "reversible": True} | options
    return imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=bits, **options)


def htj2k(pixels: Pixels, bits: int, **options: object) -> bytes:
    """Encode as ``bits`` bits: the encoder has only 8 and 16, so the header is changed afterwards.

    Decoders count from the middle of the range, which is therefore shifted before. Quantisation
    steps of the 9/7 wavelet are relative to the range and are shifted too.
    """
    width = 8 * pixels.dtype.itemsize
    if pixels.dtype.kind == "u":
        pixels = pixels + pixels.dtype.type(2 ** (width - 1) - 2 ** (bits - 1))
    options = {"reversible": True} | options
    encoded = bytearray(imagecodecs.htj2k_encode(pixels, **options))
    encoded[42] -= width - bits
    if not options["reversible"]:
        at = encoded.index(b"\xff\x5c") + 2  # QCD
        encoded[at + 2] += (width - bits) << 5  # guard bits for the bits that the exponents lose
        for step in range(at + 3, at + int.from_bytes(encoded[at : at + 2], "big"), 2):
            encoded[step] -= (width - bits) << 3
    return bytes(encoded)


def lossless_jpeg(pixels: Pixels, bits: int, predictor: int = 1) -> bytes:
    return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)


def jpeg_ls(pixels: Pixels, _bits: int, level: int = 0) -> bytes:
    """Encode as 8 or 16 bits, the only ones that the encoder has."""
    return imagecodecs.jpegls_encode(pixels, level=level)


LOSSLESS = [
    (uid.JPEGLossless, lambda pixels, bits: lossless_jpeg(pixels, bits, predictor=6)),
    (uid.JPEGLosslessSV1, lossless_jpeg),
    (uid.JPEGLSLossless, jpeg_ls),
    (uid.JPEG2000Lossless, j2k),
    (uid.JPEG2000, j2k),
    *[(syntax, htj2k) for syntax in HTJ2K],
]
