"""The decoder of each transfer syntax, and the library that it uses.

Chosen by measurement: one frame of 1955 x 1841 pixels, 15 bits stored (RG1 of pydicom-data,
encoded anew where it is not published in that encoding), one core, milliseconds, the best
of several runs. All but Pillow's JPEG 2000 let other threads run meanwhile.

=====================  ==================  ====  ========================================
encoding               decoder               ms  others
=====================  ==================  ====  ========================================
uncompressed           NumPy, no copy         0
RLE                    imagecodecs           16  pydicom, 13 times as long
JPEG, 8 bits           libjpeg-turbo 3        9  Pillow 13, pylibjpeg 64
JPEG, 12 bits          libjpeg-turbo 3       33  pylibjpeg 118
lossless JPEG          libjpeg-turbo 3       23  liblj92 43, jpegsof3 59, pylibjpeg 146
JPEG-LS                CharLS                91  pylibjpeg 377
JPEG 2000, full        OpenJPEG             502  Pillow 513, pylibjpeg 504 (all OpenJPEG)
JPEG 2000, low band    OpenJPEG, Pillow     132
HTJ2K, full            OpenJPEG              88  OpenJPH 20
HTJ2K, low band        OpenJPEG, Pillow      56  OpenJPH 5
=====================  ==================  ====  ========================================

`imagecodecs` includes libjpeg-turbo, CharLS, OpenJPEG and OpenJPH. It cannot leave out wavelet
levels of JPEG 2000; Pillow can. Its OpenJPH is not used (2026.3.6): an error halfway through a
damaged frame is printed and not raised, and values beyond the range wrap around.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid

from severity.codecs.frame_checks import check_jpeg, check_jpeg_2000, check_rle
from severity.codecs.helper_processes import DecodingHelpers
from severity.codecs.jpeg_2000 import Jpeg2000Header, LowBand, decode_low_band
from severity.codecs.pixel_layout import PixelLayout
from severity.images.grey_image import Band

LEAST_SIDE_FOR_LOW_BAND = 8 * 224
"""Pixels of the shorter side. The resize to 224 smooths by a Gaussian of (factor - 1) / 2 pixels
before it samples, so that no detail is left that the low band lacks. Measured on 7 images of
the COVID-19 Image Data Collection that are as large, and on RG1: no score moves by more than
0.01 points. From factor 6 on, one of 26 images, a print with a screen, moved by 0.07."""

_LEAST_BITS_FOR_LOW_BAND = 12
"""Bits stored. The 5/3 wavelet rounds, by up to half a grey level: too much where there are 256."""

_TYPE_BITS = 16


@dataclass(frozen=True)
class Decoder:
    """How to decode the frames of one encoding.

    ``bits`` checks a frame's headers and returns the bits of its samples; None where they are the
    header's. ``full`` checks a frame against the DICOM header, decodes it, and returns the stored
    values, shape (rows, columns). ``low`` checks and returns the low band of one wavelet
    level, or None where the full image is wanted instead.

    Both raise `RejectedImage`, or what the library raises over a broken frame.
    """

    full: Callable[[bytes, PixelLayout], NDArray[np.number]]
    low: Callable[[bytes, PixelLayout, DecodingHelpers | None], tuple[LowBand, Band] | None] = (
        lambda _frame, _layout, _helpers: None
    )
    bits: Callable[[bytes, PixelLayout], int | None] = lambda _frame, _layout: None


def _uncompressed(order: str) -> Callable[[bytes, PixelLayout], NDArray[np.number]]:
    def view(pixels: bytes, layout: PixelLayout) -> NDArray[np.number]:
        kind = "i" if layout.signed else "u"
        stored = np.dtype(f"{order}{kind}{layout.bits_allocated // 8}")
        values: NDArray[np.number] = np.frombuffer(pixels, stored, count=layout.pixels)
        return values.reshape(layout.rows, layout.columns).astype(
            stored.newbyteorder("="), copy=False
        )

    return view


def _rle(frame: bytes, layout: PixelLayout) -> NDArray[np.number]:
    check_rle(frame, layout)
    stored = np.dtype(f"{'i' if layout.signed else 'u'}{layout.bits_allocated // 8}")
    # The size is fixed here, or the decoder would believe the frame.
    decoded = np.empty(layout.pixels * stored.itemsize, np.uint8)
    written = imagecodecs.dicomrle_decode(frame, stored, out=decoded.data)
    if len(written) != len(decoded):
        raise EOFError
    return decoded.view(stored).reshape(layout.rows, layout.columns)


def _jpeg(frame: bytes, layout: PixelLayout) -> NDArray[np.number]:
    bits = check_jpeg(frame, layout)
    return _with_sign(imagecodecs.jpeg8_decode(frame), bits, layout)


def _jpeg_ls(frame: bytes, layout: PixelLayout) -> NDArray[np.number]:
    bits = check_jpeg(frame, layout)
    return _with_sign(imagecodecs.jpegls_decode(frame), bits, layout)


def _with_sign(values: NDArray[np.number], bits: int, layout: PixelLayout) -> NDArray[np.number]:
    """Reinterpret samples, unsigned in JPEG, as two's complement where the header says so."""
    if not layout.signed:
        return values
    unused = _TYPE_BITS - bits
    return (values.astype(np.uint16) << unused).view(np.int16) >> unused


def _jpeg_2000(frame: bytes, layout: PixelLayout) -> NDArray[np.number]:
    check_jpeg_2000(frame, layout)
    return np.asarray(imagecodecs.jpeg2k_decode(frame))


def _htj2k(frame: bytes, layout: PixelLayout) -> NDArray[np.number]:
    check_jpeg_2000(frame, layout, high_throughput=True)
    return np.asarray(imagecodecs.jpeg2k_decode(frame))


def _jpeg_2000_bits(frame: bytes, layout: PixelLayout) -> int:
    return check_jpeg_2000(frame, layout).bits


def _htj2k_bits(frame: bytes, layout: PixelLayout) -> int:
    return check_jpeg_2000(frame, layout, high_throughput=True).bits


def _jpeg_2000_low(
    frame: bytes, layout: PixelLayout, helpers: DecodingHelpers | None
) -> tuple[LowBand, Band] | None:
    return _low(frame, check_jpeg_2000(frame, layout), layout, helpers)


def _htj2k_low(
    frame: bytes, layout: PixelLayout, helpers: DecodingHelpers | None
) -> tuple[LowBand, Band] | None:
    return _low(frame, check_jpeg_2000(frame, layout, high_throughput=True), layout, helpers)


def _low(
    frame: bytes, header: Jpeg2000Header, layout: PixelLayout, helpers: DecodingHelpers | None
) -> tuple[LowBand, Band] | None:
    if not _may_be_reduced(header, layout):
        return None
    band = Band.LOW_5_3 if header.reversible else Band.LOW_9_7
    if helpers is None:
        return decode_low_band(frame, header), band
    return helpers.run(decode_low_band, frame, header), band


def _may_be_reduced(header: Jpeg2000Header, layout: PixelLayout) -> bool:
    return (
        header.tiles == 1
        and header.at_origin
        and header.levels > 0
        and header.bits == layout.bits_stored >= _LEAST_BITS_FOR_LOW_BAND
        and min(layout.rows, layout.columns) >= LEAST_SIDE_FOR_LOW_BAND
    )


_LITTLE, _BIG = Decoder(_uncompressed("<")), Decoder(_uncompressed(">"))
_JPEG = Decoder(_jpeg, bits=check_jpeg)
_JPEG_LS = Decoder(_jpeg_ls, bits=check_jpeg)
_JPEG_2000 = Decoder(_jpeg_2000, _jpeg_2000_low, _jpeg_2000_bits)
_HTJ2K = Decoder(_htj2k, _htj2k_low, _htj2k_bits)

LOSSY = frozenset(
    {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K}
)
"""Transfer syntaxes of which a decoded value may lie beyond those that were encoded."""

DECODERS: Mapping[str, Decoder] = {
    uid.ImplicitVRLittleEndian: _LITTLE,
    uid.ExplicitVRLittleEndian: _LITTLE,
    uid.ExplicitVRBigEndian: _BIG,
    uid.RLELossless: Decoder(_rle),
    uid.JPEGBaseline8Bit: _JPEG,
    uid.JPEGExtended12Bit: _JPEG,
    uid.JPEGLossless: _JPEG,
    uid.JPEGLosslessSV1: _JPEG,
    uid.JPEGLSLossless: _JPEG_LS,
    uid.JPEGLSNearLossless: _JPEG_LS,
    uid.JPEG2000Lossless: _JPEG_2000,
    uid.JPEG2000: _JPEG_2000,
    uid.HTJ2KLossless: _HTJ2K,
    uid.HTJ2KLosslessRPCL: _HTJ2K,
    uid.HTJ2K: _HTJ2K,
}
"""Decoders by transfer syntax; no other syntax can be decoded."""
