"""What stands before a DICOM data set: preamble, file meta information, or nothing at all."""

import struct
import zlib

from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from severity.domain import Reason
from severity.errors import ImageOutsideLimits, UnreadableImage

META_AT = 132
"""Where the file meta information begins: behind the preamble and "DICM"."""

_PREAMBLE = bytes(128) + b"DICM"
_META_GROUP = b"\x02\x00"
_META_GROUP_BEGINS = (b"\x02\x00\x00\x00UL", b"\x02\x00\x01\x00OB", b"\x02\x00\x02\x00UI")
_TYPES = {str(vr).encode() for vr in VR if len(str(vr)) == 2}  # noqa: PLR2004 - two letters each
_LONG_TYPES = {str(vr).encode() for vr in EXPLICIT_VR_LENGTH_32}
_IDENTIFYING_GROUP = 0x0008  # comes first in every data set
_LAST_FIRST_ELEMENT = 0x0018  # a data set has an element up to SOP Instance UID
_LONGEST_FIRST_VALUE = 1024
_ELEMENTS_LOOKED_AT = 3
_LOOKED_AT = 4096  # bytes, in which so many elements lie
MOST_INFLATED = 2**27 + 2**20
"""Bytes of a deflated data set: the largest image that is read, and a megabyte of attributes."""


def as_dicom_file(content: bytes) -> bytes | None:
    """Return a DICOM file with all that stands before its data set; None if it is no DICOM file.

    What is missing is added: the preamble, and in files from before 1993 the file meta
    information too. Their data set shows whether it is explicit or implicit.

    Parameters
    ----------
    content
        Any file.

    References
    ----------
    * DICOM PS3.10, 7.1 (file meta information); ACR-NEMA 2.0 knew neither.
    """
    if content[META_AT - 4 : META_AT] == b"DICM":
        return content
    if content.startswith(b"DICM" + _META_GROUP):
        content = content[4:]
    if content.startswith(_META_GROUP_BEGINS):
        return _PREAMBLE + content
    if content[META_AT - 4 :].startswith(_META_GROUP_BEGINS):  # a preamble without "DICM"
        return _PREAMBLE + content[META_AT - 4 :]
    syntax = _syntax_of_data_set(content)
    return None if syntax is None else _start(syntax) + content


def with_transfer_syntax(content: bytes, at: int) -> bytes:
    """Return a file with the transfer syntax that its data set shows, in place of none.

    Parameters
    ----------
    at
        Where the data set begins.

    Raises
    ------
    UnreadableImage
        The data set does not show it.
    """
    syntax = _syntax_of_data_set(content[at : at + _LOOKED_AT])
    if syntax is None:
        raise UnreadableImage(Reason.CORRUPT, "no Transfer Syntax UID (0002,0010)")
    return _start(syntax) + content[at:]


def inflated(content: bytes, at: int) -> bytes:
    """Return a file whose data set was deflated, as one that is not.

    Parameters
    ----------
    at
        Where the data set begins.

    Raises
    ------
    RejectedImage
        It is cut off, or inflates to more bytes than the largest image has.

    References
    ----------
    * DICOM PS3.5, A.5.
    """
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    start = _start(ExplicitVRLittleEndian)
    try:
        data_set = inflating.decompress(memoryview(content)[at:], MOST_INFLATED)
    except zlib.error as error:
        raise UnreadableImage(Reason.CORRUPT, "the deflated data set is broken") from error
    if len(data_set) == MOST_INFLATED:
        raise ImageOutsideLimits(
            Reason.TOO_LARGE, f"a deflated data set of {MOST_INFLATED} bytes or more"
        )
    if not inflating.eof:
        raise UnreadableImage(Reason.CORRUPT, "the deflated data set is cut off")
    return start + data_set


def _start(syntax: str) -> bytes:
    """Return a preamble and the least file meta information."""
    padded = syntax.encode() + b"\0" * (len(syntax) % 2)
    return _PREAMBLE + b"\x02\x00\x10\x00UI" + struct.pack("<H", len(padded)) + padded


def _syntax_of_data_set(content: bytes) -> str | None:
    """Return how a data set without file meta information is encoded; None if it is none."""
    for syntax, order in ((ExplicitVRLittleEndian, "<"), (ExplicitVRBigEndian, ">")):
        if _begins(content, order, explicit=True):
            return str(syntax)
    return str(ImplicitVRLittleEndian) if _begins(content, "<", explicit=False) else None


def _begins(content: bytes, order: str, *, explicit: bool) -> bool:
    """Whether the first elements are those of a data set: in ascending order, short and known."""
    at, before = 0, (0, 0)
    try:
        for _ in range(_ELEMENTS_LOOKED_AT):
            tag = struct.unpack_from(f"{order}2H", content, at)
            length, value_at = _length(content, at, order, explicit=explicit)
            if tag <= before or length > _LONGEST_FIRST_VALUE or length % 2:
                return False
            if not at and not _may_be_first(tag):
                return False
            at, before = value_at + length, tag
    except (struct.error, ValueError):
        return False
    return True


def _may_be_first(tag: tuple[int, ...]) -> bool:
    return tag[0] == _IDENTIFYING_GROUP and tag[1] <= _LAST_FIRST_ELEMENT


def _length(content: bytes, at: int, order: str, *, explicit: bool) -> tuple[int, int]:
    """Return the length of an element's value and where that begins."""
    value_type = content[at + 4 : at + 6]
    if not explicit:
        return struct.unpack_from(f"{order}L", content, at + 4)[0], at + 8
    if value_type not in _TYPES:
        raise ValueError(value_type)
    if value_type in _LONG_TYPES:
        return struct.unpack_from(f"{order}L", content, at + 8)[0], at + 12
    return struct.unpack_from(f"{order}H", content, at + 6)[0], at + 8
