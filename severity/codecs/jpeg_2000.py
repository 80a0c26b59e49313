"""JPEG 2000 codestreams: reading the main header, decoding the half-size image.

Headers are read here, since OpenJPEG shows them only after it has reserved the memory that
they imply.

Imports little: a helper process that decodes starts with this module alone.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_START = b"\xff\x4f\xff\x51"  # SOC, SIZ
_CAP, _SIZ, _COD, _COC, _SOT, _SOD = 0xFF50, 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93
_FIRST_MARKER = 0xFF00
_MOST_SEGMENTS = 10_000  # of one header; and tile-parts of a codestream
_LENGTH = 2  # bytes of a segment's length, which counts itself
_SOT_BYTES = 12
_BITS_AT = 42  # Ssiz of the only component, from the start of the codestream
_HT = 1 << 17  # Pcap15: Part 15, high throughput
_MOST_BITS = 16
_BYTE = 8
_MOST_LEVELS = 32
_LARGEST_PRECINCT = 0xFF  # 2^15 both ways, where the codestream names none


class NotACodestream(ValueError):
    """The bytes are no JPEG 2000 codestream, or its headers contradict the standard."""


@dataclass(frozen=True)
class Jpeg2000Header:
    """The main header of a codestream; sizes in pixels."""

    rows: int
    columns: int
    components: int
    bits: int
    signed: bool
    subsampled: bool
    at_origin: bool
    """Image and tiles begin at (0, 0), so that the low band has the even pixels."""
    tiles: int
    levels: int
    packets: int
    """An upper bound of the packets that a decoder keeps an account of."""
    reversible: bool
    high_throughput: bool
    uniform: bool
    """No component or tile has coding parameters of its own."""

    @classmethod
    def of(cls, codestream: bytes) -> "Jpeg2000Header":
        """Read the main header, and look for parameters in the tiles' headers.

        Raises
        ------
        NotACodestream, struct.error

        References
        ----------
        * ISO/IEC 15444-1, A.5 (fixed information and SIZ), A.6 (COD, COC); 15444-15, A.3 (CAP).
        """
        if not codestream.startswith(_START):
            raise NotACodestream("no SOC and SIZ markers")
        segments = list(_segments(codestream, 2, _SOT))
        markers = [marker for marker, _ in segments]
        if markers.count(_SIZ) != 1 or markers.count(_COD) != 1:
            raise NotACodestream("not one SIZ and one COD marker in the main header")
        at = dict(segments)
        right, bottom, left, top, wide, high, tiles_left, tiles_top, components = (
            struct.unpack_from(">8IH", codestream, at[_SIZ] + 4)
        )
        depth, across, down = struct.unpack_from(">3B", codestream, at[_SIZ] + 38)
        if not (wide and high and left < right and top < bottom):
            raise NotACodestream("an empty image or tile")
        grid = (_cells(right - tiles_left, wide), _cells(bottom - tiles_top, high))
        coding = _Coding.of(codestream, at[_COD])
        packets_of_a_tile = coding.packets(min(wide, right - left), min(high, bottom - top))
        return cls(
            rows=bottom - top,
            columns=right - left,
            components=components,
            bits=(depth & 0x7F) + 1,
            signed=bool(depth & 0x80),
            subsampled=(across, down) != (1, 1),
            at_origin=not (left or top or tiles_left or tiles_top),
            tiles=grid[0] * grid[1],
            levels=coding.levels,
            packets=grid[0] * grid[1] * packets_of_a_tile,
            reversible=coding.reversible,
            high_throughput=_CAP in at
            and bool(struct.unpack_from(">I", codestream, at[_CAP] + 2)[0] & _HT),
            uniform=_COC not in at and not _tiles_differ(codestream, segments[-1][1]),
        )


@dataclass(frozen=True)
class _Coding:
    """A COD segment."""

    layers: int
    levels: int
    reversible: bool
    precincts: bytes
    """Exponents of height and width of each resolution, the smallest first."""

    @classmethod
    def of(cls, codestream: bytes, at: int) -> "_Coding":
        length, style, _, layers, _, levels, _, _, _, transform = struct.unpack_from(
            ">HBBHBB3BB", codestream, at
        )
        stated = codestream[at + 12 : at + length] if style & 1 else b""
        if levels > _MOST_LEVELS or transform > 1 or (style & 1 and len(stated) <= levels):
            raise NotACodestream("coding parameters that the standard does not know")
        precincts = stated or bytes([_LARGEST_PRECINCT]) * (levels + 1)
        return cls(layers, levels, transform == 1, precincts)

    def packets(self, columns: int, rows: int) -> int:
        """Count the packets of a tile, one more along each axis for where precincts begin."""
        count = 0
        for resolution in range(self.levels + 1):
            reduced = 2 ** (self.levels - resolution)
            exponents = self.precincts[resolution]
            wide, high = 2 ** (exponents & 15), 2 ** (exponents >> 4)
            count += (_cells(_cells(columns, reduced), wide) + 1) * (
                _cells(_cells(rows, reduced), high) + 1
            )
        return count * self.layers


def _cells(length: int, size: int) -> int:
    return -(-length // size)


def _segments(codestream: bytes, at: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield each marker and where its segment begins, behind it, up to the marker ``last``."""
    for _ in range(_MOST_SEGMENTS):
        marker, length = struct.unpack_from(">2H", codestream, at)
        if marker < _FIRST_MARKER or (marker != last and length < _LENGTH):
            break
        yield marker, at + 2
        if marker == last:
            return
        at += 2 + length
    raise NotACodestream("a marker is missing")


def _tiles_differ(codestream: bytes, at: int) -> bool:
    """Return whether a tile-part's header has a COD or COC; the first lies behind ``at``."""
    at -= 2
    for _ in range(_MOST_SEGMENTS):
        if codestream[at : at + 2] != _SOT.to_bytes(2, "big"):
            return False
        (length,) = struct.unpack_from(">I", codestream, at + 6)
        markers = {marker for marker, _ in _segments(codestream, at + _SOT_BYTES, _SOD)}
        if markers & {_COD, _COC}:
            return True
        if length < _SOT_BYTES:  # 0: up to the end
            return False
        at += length
    return True  # more tile-parts than are read


@dataclass(frozen=True)
class LowBand:
    """The low band of one wavelet level.

    ``values`` has shape (ceil(rows / 2), ceil(columns / 2)), uint16; ``zero`` stands for 0.
    The wavelet overshoots near sharp edges; ``clipped`` is true if a value may have met the
    decoder's limits: then the band is not that of the image.
    """

    values: NDArray[np.uint16]
    zero: int
    clipped: bool


def decode_low_band(codestream: bytes, header: Jpeg2000Header) -> LowBand:
    """Decode all but the finest wavelet level with OpenJPEG through Pillow.

    OpenJPEG limits values to the image's bits. The reversible transform uses their number for
    nothing else, so the header is made to state one more bit, which leaves room for the overshoot.
    """
    bits, wider = header.bits, header.reversible and header.bits < _MOST_BITS
    if wider:
        codestream = b"".join(
            (
                codestream[:_BITS_AT],
                bytes([codestream[_BITS_AT] + 1]),
                codestream[_BITS_AT + 1 :],
            )
        )
        bits += 1
    image = Image.open(io.BytesIO(codestream), formats=("JPEG2000",))
    image.reduce = 1  # type: ignore[method-assign, assignment]  # an option of this plug-in
    image.load()
    values = np.asarray(image).astype(np.uint16)
    values >>= (_BYTE if image.mode == "L" else _MOST_BITS) - bits  # Pillow fills the type
    zero = 2 ** (bits - 1) if header.signed else 2 ** (bits - 1) - 2 ** (header.bits - 1)
    clipped = int(values.min()) == 0 or int(values.max()) == 2**bits - 1
    return LowBand(values, zero, clipped)
