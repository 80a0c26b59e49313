"""From a DICOM data set's stored values to what a person would be shown.

pydicom decodes. Its own look-up tables are not used: they index in the output's type, so a
table of 4,096 entries of 8 bits fails (pydicom 3.0, ``pixels/processing.py``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.encaps import get_frame, parse_basic_offsets
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID
from scipy.special import expit

from severity.codestream import check_codestream
from severity.domain import Reason
from severity.errors import NotAFrontalChestRadiograph, UnreadableImage, UntrustworthyPixels

_BITS_ALLOCATED = {8, 16}  # PS3.3, C.8.1.1 and C.8.11.3
_MOST_BITS = 16
_BYTES_OF_AN_OFFSET = 8  # in the extended offset table
_MOST_ENTRIES = 2**16  # of a look-up table; written as 0


@dataclass(frozen=True)
class _GreyValues:
    """Pixel values, shape (rows, columns), and the range that the header promises for them."""

    values: NDArray[np.number]
    lowest: float
    highest: float


def displayed_pixels(dataset: FileDataset) -> NDArray[np.float32]:
    """Decode one frame and bring it to [0, 1], 1 is white.

    Values go through the modality LUT, then the VOI LUT or window, then the inversion of
    MONOCHROME1. They are scaled by the range that the header promises, never by the image's
    own extremes: that would hide a change between two images of a patient.

    Parameters
    ----------
    dataset
        One grey frame whose Rows and Columns are known to be within limits.

    Returns
    -------
    Shape (rows, columns), float32, contiguous.

    Raises
    ------
    RejectedImage
        The pixels cannot be decoded or contradict the header.

    References
    ----------
    * DICOM PS3.3, C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.6.3 (photometric
      interpretation); PS3.4, N.2 (their order).
    """
    shown = _through_voi(_through_modality(_stored(dataset), dataset), dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        np.subtract(1, shown, out=shown)
    return np.ascontiguousarray(shown)


def _stored(dataset: FileDataset) -> _GreyValues:
    """Decode, and refuse values that need more bits than are said to be stored."""
    lowest, highest = _stored_range(dataset)
    _check_one_frame(dataset, _decodable_syntax(dataset))
    # Unused bits are not masked: a value beyond them means that the header is wrong.
    values = pixel_array(dataset, index=0, raw=True, correct_unused_bits=False)
    if values.min() < lowest or values.max() > highest:
        raise UntrustworthyPixels(
            f"stored values {values.min()} to {values.max()} exceed {lowest} to {highest} "
            f"({dataset.BitsStored} bits)"
        )
    return _GreyValues(values, lowest, highest)


def _stored_range(dataset: Dataset) -> tuple[int, int]:
    allocated, bits = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if allocated not in _BITS_ALLOCATED:
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING, f"{allocated} bits allocated; radiographs have 8 or 16"
        )
    if not 1 <= bits <= allocated or int(dataset.get("HighBit", bits - 1)) != bits - 1:
        raise UntrustworthyPixels(
            f"{bits} bits stored with high bit {dataset.get('HighBit')} of {allocated} allocated"
        )
    if dataset.PixelRepresentation:
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 2**bits - 1


def _decodable_syntax(dataset: FileDataset) -> UID:
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    try:
        get_decoder(syntax)
    except NotImplementedError as error:
        raise UnreadableImage(
            Reason.UNSUPPORTED_ENCODING, f"transfer syntax {syntax} cannot be decoded"
        ) from error
    return syntax


def _check_one_frame(dataset: FileDataset, syntax: UID) -> None:
    """Refuse frames beyond the one that is read, and a frame of another size."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if not syntax.is_encapsulated:
        frames = len(dataset.PixelData) // (rows * columns * int(dataset.BitsAllocated) // 8)
        _require_one(frames)
        return
    offsets = dataset.get("ExtendedOffsetTable")
    lengths = dataset.get("ExtendedOffsetTableLengths")
    _require_one(len(parse_basic_offsets(dataset.PixelData)))
    _require_one(max(len(table or b"") for table in (offsets, lengths)) // _BYTES_OF_AN_OFFSET)
    frame = get_frame(
        dataset.PixelData,
        0,
        number_of_frames=1,
        extended_offsets=(offsets, lengths) if offsets and lengths else None,
    )
    check_codestream(frame, syntax, rows=rows, columns=columns)


def _require_one(frames: int) -> None:
    if frames > 1:
        raise NotAFrontalChestRadiograph(
            Reason.MULTI_FRAME, "more frames than Number of Frames (0028,0008) says"
        )


def _through_modality(stored: _GreyValues, dataset: Dataset) -> _GreyValues:
    if dataset.get("ModalityLUTSequence"):
        table = _LookUpTable.of(dataset.ModalityLUTSequence[0], dataset)
        return _GreyValues(table.look_up(stored.values), 0, table.highest)
    slope, intercept = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept")
    if slope is None and intercept is None:
        return stored
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    ends = sorted(end * slope + intercept for end in (stored.lowest, stored.highest))
    _check_range(*ends)
    values = stored.values.astype(np.float32)
    values *= np.float32(slope)
    values += np.float32(intercept)
    return _GreyValues(values, *ends)


def _through_voi(grey: _GreyValues, dataset: Dataset) -> NDArray[np.float32]:
    """Apply the first VOI LUT; without one the first window; without one the whole range."""
    if dataset.get("VOILUTSequence"):
        # The sequence comes before a window: PS3.3, C.11.2.1.
        table = _LookUpTable.of(dataset.VOILUTSequence[0], dataset)
        return _to_unit(table.look_up(grey.values), 0, table.highest)
    centre, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if centre is None or width is None:
        return _to_unit(grey.values, grey.lowest, grey.highest)
    match str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper():
        case "LINEAR":  # C.11.2.1.2.1: from the centre of one value to that of another
            return _to_unit(grey.values, centre - width / 2, centre - 1 + width / 2)
        case "LINEAR_EXACT":  # C.11.2.1.3.2
            return _to_unit(grey.values, centre - width / 2, centre + width / 2)
        case "SIGMOID":  # C.11.2.1.3.1
            _check_range(centre - width / 2, centre + width / 2)
            values = grey.values.astype(np.float32)
            return np.asarray(expit((values - centre) * (4 / width)), dtype=np.float32)
        case other:
            raise UntrustworthyPixels(f"{other!r:.20} is not a VOI LUT Function (0028,1056)")


def _to_unit(values: NDArray[np.number], lowest: float, highest: float) -> NDArray[np.float32]:
    """Map ``lowest`` to 0 and ``highest`` to 1, limited to both."""
    _check_range(lowest, highest)
    scaled = values.astype(np.float32)
    scaled -= np.float32(lowest)
    scaled /= np.float32(highest - lowest)
    return np.clip(scaled, 0, 1, out=scaled)


def _check_range(lowest: float, highest: float) -> None:
    numbers = np.array([highest - lowest, lowest, highest], dtype=np.float32)
    if not numbers[0] > 0 or not np.isfinite(numbers).all():
        raise UntrustworthyPixels(f"grey values from {lowest:g} to {highest:g} show nothing")


def _number(dataset: Dataset, keyword: str) -> float | None:
    """Return an attribute's first value; None where it is absent or empty."""
    value = dataset.get(keyword)
    if value is not None and not isinstance(value, str) and hasattr(value, "__len__"):
        value = value[0] if len(value) else None
    return None if value is None or value == "" else float(value)


@dataclass(frozen=True)
class _LookUpTable:
    """A modality or VOI LUT: ``entries`` for the input values from ``first`` on."""

    first: int
    entries: NDArray[np.uint16]
    bits: int

    @property
    def highest(self) -> int:
        return int(2**self.bits - 1)

    @classmethod
    def of(cls, item: Dataset, dataset: Dataset) -> "_LookUpTable":
        """Read a LUT sequence's item: PS3.3, C.11.1.1."""
        count, first, bits = (int(value) for value in item.LUTDescriptor)
        count = count % _MOST_ENTRIES or _MOST_ENTRIES
        data = item.LUTData
        if isinstance(data, bytes):
            data = _words(data, count, little_endian=dataset.original_encoding[1] is not False)
        entries = np.atleast_1d(np.asarray(data, dtype=np.int64)).astype(np.uint16)[:count]
        if not 1 <= bits <= _MOST_BITS or len(entries) < count or entries.max() >= 2**bits:
            raise UntrustworthyPixels(
                f"a look-up table of {len(entries)} entries up to {entries.max(initial=0)} "
                f"is described as {count} of {bits} bits"
            )
        return cls(first, entries, bits)

    def look_up(self, values: NDArray[np.number]) -> NDArray[np.uint16]:
        """Map values; those before the first and after the last entry get that entry."""
        last = len(self.entries) - 1
        at = np.clip(np.rint(values.astype(np.float32)) - np.float32(self.first), 0, last)
        return self.entries[at.astype(np.int32)]


def _words(data: bytes, count: int, *, little_endian: bool) -> NDArray[np.uint16 | np.uint8]:
    """Unpack entries of 16 bits, or of 8 bits where there are only as many bytes as entries."""
    words = np.frombuffer(data, "<u2" if little_endian else ">u2").astype("<u2")
    return words.view(np.uint8) if len(words) < count else words
