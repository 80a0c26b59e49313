"""DICOM files with elements that no library would write."""

import struct
from dataclasses import dataclass

from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.builders.encoded_images import dicom_file

UNDEFINED = 2**32 - 1
PIXEL_DATA = 0x7FE00010
_LONG = {"OB", "OV", "OW", "SQ", "UN", "UT"}


@dataclass(frozen=True)
class Encoding:
    """Writes elements in one of the three ways of DICOM PS3.5, 7.1."""

    syntax: str = ExplicitVRLittleEndian

    def element(self, tag: int, vr: str, value: bytes = b"", *, length: int | None = None) -> bytes:
        """An element, which may lie about its length."""
        length = len(value) if length is None else length
        if self.syntax == ImplicitVRLittleEndian:
            return self._tag(tag) + self._pack("L", length) + value
        long = b"\0\0" + self._pack("L", length) if vr in _LONG else self._pack("H", length)
        return self._tag(tag) + vr.encode() + long + value

    def sequence(self, tag: int, items: bytes, *, vr: str = "SQ") -> bytes:
        """A sequence of undefined length; fragments of pixel data look the same."""
        return self.element(tag, vr, items + self.end, length=UNDEFINED)

    def item(self, content: bytes = b"") -> bytes:
        """An item of a sequence, or a fragment."""
        return self._tag(0xFFFEE000) + self._pack("L", len(content)) + content

    def open_item(self, content: bytes = b"") -> bytes:
        """An item of undefined length."""
        start = self._tag(0xFFFEE000) + self._pack("L", UNDEFINED)
        return start + content + self._tag(0xFFFEE00D) + bytes(4)

    @property
    def end(self) -> bytes:
        """The delimiter of a sequence of undefined length."""
        return self._tag(0xFFFEE0DD) + bytes(4)

    def file(self, elements: bytes, **attributes: object) -> bytes:
        """A chest CR with these elements before its pixel data."""
        image = dicom_file(syntax=self.syntax, **attributes)
        at = image.rindex(self._tag(PIXEL_DATA))
        return image[:at] + elements + image[at:]

    def _tag(self, tag: int) -> bytes:
        return self._pack("HH", tag >> 16, tag & 0xFFFF)

    def _pack(self, layout: str, *values: int) -> bytes:
        return struct.pack((">" if self.syntax == ExplicitVRBigEndian else "<") + layout, *values)


EXPLICIT, IMPLICIT, BIG = (
    Encoding(syntax)
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
)


def after_meta(content: bytes) -> bytes:
    """A chest CR with this between its file meta information and its data set."""
    image = dicom_file()
    at = image.index(b"\x08\x00\x16\x00UI")
    return image[:at] + content + image[at:]


def with_pixel_data(element: bytes, syntax: str) -> bytes:
    """A chest CR of another encoding with this as its pixel data."""
    image = dicom_file(syntax=syntax)
    return image[: image.rindex(b"\xe0\x7f\x10\x00")] + element
