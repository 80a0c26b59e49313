"""Decoders of compressed frames, the checks before them and the processes that run them."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.codecs.decoders import DECODERS, LOSSY, Decoder
    from severity.codecs.frame_checks import FRAMES, PROGRESSIVE, check_scans
    from severity.codecs.helper_processes import DecodingHelpers
    from severity.codecs.jpeg_2000 import LowBand
    from severity.codecs.pixel_layout import PixelLayout
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "DECODERS",
    "FRAMES",
    "LOSSY",
    "PROGRESSIVE",
    "Decoder",
    "DecodingHelpers",
    "LowBand",
    "PixelLayout",
    "check_scans",
]
