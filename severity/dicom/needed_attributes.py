"""Reading the attributes that are needed from a DICOM file, and no others.

A hostile file of 32 MB could otherwise take 2.7 GB and a minute: see
`docs/decisions/0008-reading-only-needed-attributes.md`.
"""

import io
import struct
from collections.abc import Iterable
from typing import cast

from pydicom import DataElement, Dataset, FileDataset
from pydicom.datadict import tag_for_keyword
from pydicom.filereader import read_dataset, read_partial
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from severity.dicom.file_start import META_AT, inflated, with_transfer_syntax
from severity.dicom.reading_limits import KeptBytes, ReadingLimits
from severity.dicom.undefined_length import SEQUENCE_DELIMITER, UNDEFINED_LENGTH, UndefinedLength

NEEDED = (
    "SpecificCharacterSet",
    # What it is.
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "Modality",
    "ImageType",
    "PresentationIntentType",
    "BodyPartExamined",
    "ViewPosition",
    "PatientOrientation",
    "SeriesDescription",
    # By what.
    "Manufacturer",
    "ManufacturerModelName",
    "StationName",
    # When.
    "TimezoneOffsetFromUTC",
    "AcquisitionDateTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentDate",
    "ContentTime",
    "SeriesDate",
    "SeriesTime",
    "StudyDate",
    "StudyTime",
    # The pixels, and how they are displayed.
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "LossyImageCompression",
    "PixelData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    # Which pixels are no part of the image, and what shape they have.
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "ShutterShape",
    "ShutterLeftVerticalEdge",
    "ShutterRightVerticalEdge",
    "ShutterUpperHorizontalEdge",
    "ShutterLowerHorizontalEdge",
    "CenterOfCircularShutter",
    "RadiusOfCircularShutter",
    "VerticesOfThePolygonalShutter",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "PixelAspectRatio",
)
"""Keywords of the attributes that are read; any other appears to be absent."""

NEEDED_SEQUENCES = (
    "ViewCodeSequence",
    "AnatomicRegionSequence",
    "ModalityLUTSequence",
    "VOILUTSequence",
)
"""Sequences of which the first item is read."""

OVERLAY_BITS = {
    (group << 16) + 0x0100: (group << 16) + 0x0102 for group in range(0x6000, 0x6020, 2)
}
"""Tags of Overlay Bits Allocated, each with that of Overlay Bit Position in its group."""


def _tags(keywords: Iterable[str]) -> frozenset[int]:
    return frozenset(cast(int, tag_for_keyword(keyword)) for keyword in keywords)


_NEEDED, _NEEDED_SEQUENCES = _tags(NEEDED), _tags(NEEDED_SEQUENCES)
_NEEDED |= OVERLAY_BITS.keys() | set(OVERLAY_BITS.values())
_COMMAND_GROUP, _META_GROUP = 0, 2
_LARGE = 2**20  # bytes; the largest look-up table has an eighth of it


def read_needed_attributes(content: bytes, *, also: Iterable[str] = ()) -> FileDataset:
    """Read the needed attributes of a DICOM file within limits of memory and time.

    Parameters
    ----------
    also
        Keywords of further attributes.

    Raises
    ------
    RejectedImage
        The file is beyond the limits, or does not say how it is encoded.
    Exception
        What pydicom raises over a broken file.
    """
    file = _Content(content)
    syntax = _transfer_syntax(file)
    if syntax is None:
        return read_needed_attributes(with_transfer_syntax(content, file.tell()), also=also)
    if syntax == DeflatedExplicitVRLittleEndian:  # pydicom would inflate it without any limit
        return read_needed_attributes(inflated(content, file.tell()), also=also)
    big_endian = syntax == ExplicitVRBigEndian
    wanted = _NEEDED | _tags(also)
    limits = ReadingLimits(
        file, UndefinedLength(content, big_endian=big_endian), wanted, _NEEDED_SEQUENCES
    )
    file.seek(0)
    dataset = read_partial(file, limits.in_data_set, specific_tags=list(wanted))
    if not limits.elements:  # the file is cut off
        raise EOFError
    for tag, (at, implicit) in limits.sequences.items():
        file.seek(at)
        items = _first_item(file, limits, implicit=implicit, big_endian=big_endian)
        dataset[tag] = DataElement(tag, "SQ", items)
    return dataset


class _Content(io.BytesIO):
    """A file in memory whose largest values pydicom reads as views instead of copies.

    Only pixel data that are not compressed are as large and used: everything else is read in
    smaller pieces, or never.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._view = memoryview(content)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next bytes; a large read returns a view, which suffices for pixels."""
        if size is None or size < _LARGE:
            return super().read(size)
        start = self.tell()
        self.seek(start + size)
        return cast(bytes, self._view[start : start + size])


def _transfer_syntax(file: _Content) -> str | None:
    """Return the transfer syntax, None if none is stated, from what stands before the data set.

    Read within limits; pydicom reads the same again without any.
    """
    kept = KeptBytes(file)
    file.seek(META_AT)
    meta = _read_group(file, _META_GROUP, kept)
    for _ in meta:
        pass  # an element of no known type raises here, where pydicom would read on otherwise
    syntax = meta.get("TransferSyntaxUID")
    if syntax is None:
        return None
    if syntax != DeflatedExplicitVRLittleEndian:
        _read_group(file, _COMMAND_GROUP, kept)
    return str(syntax)


def _read_group(file: _Content, group: int, kept: KeptBytes) -> Dataset:
    return read_dataset(
        file,
        is_implicit_VR=group == _COMMAND_GROUP,
        is_little_endian=True,
        stop_when=lambda tag, vr, length: tag.group != group or kept.add(tag, vr, length),
    )


def _first_item(
    file: _Content, limits: ReadingLimits, *, implicit: bool, big_endian: bool
) -> list[Dataset]:
    """Read a sequence's first item from here on; an empty list where it has none."""
    group, element, length = struct.unpack(f"{'><'[not big_endian]}HHL", file.read(8))
    if (group, element) == SEQUENCE_DELIMITER:
        return []
    item = read_dataset(
        file,
        implicit,
        not big_endian,
        None if length == UNDEFINED_LENGTH else length,
        limits.in_item,
        at_top_level=False,
    )
    return [item]
