"""Small images as files: DICOM in every encoding, JPEG and PNG."""

import io
import warnings
from collections.abc import Sequence

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, FileDataset, config, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

_SHAPE = (104, 120)


def grey_image(*, bits: int = 12, shape: tuple[int, int] = _SHAPE) -> NDArray[np.uint16]:
    """A slope with a little noise over most of the range; 0 is black."""
    rows, columns = shape
    noise = np.random.default_rng(0).integers(0, 3, shape)
    slope = np.add.outer(np.arange(rows), np.arange(columns)) / (rows + columns)
    return (slope * (2**bits - 4) + noise).astype(np.uint16)


def patches(*values: int, dtype: type = np.uint16) -> NDArray[np.integer]:
    """100 x 100 pixels: these values, then the first one everywhere."""
    pixels = np.full((100, 100), values[0], dtype)
    pixels[0, : len(values)] = values
    return pixels


def dicom_file(
    pixels: NDArray[np.integer] | None = None,
    *,
    bits: int = 12,
    syntax: str = ExplicitVRLittleEndian,
    frame: bytes | None = None,
    elements: Sequence[tuple[int, str, object]] = (),
    **attributes: object,
) -> bytes:
    """Return a frontal chest CR as a DICOM file.

    ``frame`` is an encapsulated frame instead of the pixels. Further attributes replace those
    of the header, after the pixels were written; None removes one. ``elements``, by tag and type,
    are those without a keyword.
    """
    pixels = grey_image(bits=bits) if pixels is None else pixels
    dataset = FileDataset("", {}, preamble=bytes(128), file_meta=_meta(syntax))
    dataset.update(_header(pixels, bits))
    file = io.BytesIO()
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")  # images that break the standard are written on purpose
        _put_pixels(dataset, pixels, frame)
        for element in elements:
            dataset.add_new(*element)
        for keyword, value in attributes.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def _meta(syntax: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4.5")
    return meta


def _header(pixels: NDArray[np.integer], bits: int) -> Dataset:
    header = Dataset()
    header.SOPClassUID = ComputedRadiographyImageStorage
    header.SOPInstanceUID = "1.2.3.4.5"
    header.StudyInstanceUID = "1.2.3.4"
    header.PatientID = "ROE-1"
    header.Modality = "CR"
    header.BodyPartExamined = "CHEST"
    header.ViewPosition = "PA"
    header.StudyDate = "20200401"
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.Rows, header.Columns = pixels.shape
    header.BitsAllocated = 8 * pixels.dtype.itemsize
    header.BitsStored = bits
    header.HighBit = bits - 1
    header.PixelRepresentation = int(pixels.dtype.kind == "i")
    return header


def _put_pixels(dataset: FileDataset, pixels: NDArray[np.integer], frame: bytes | None) -> None:
    syntax = dataset.file_meta.TransferSyntaxUID
    if frame is not None:
        dataset.PixelData = encapsulate([frame])
    elif syntax == JPEG2000Lossless:
        dataset.PixelData = encapsulate([jpeg_2000(pixels, dataset.BitsStored)])
    elif syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.PixelData = pixels.tobytes()
        dataset.compress(syntax, generate_instance_uid=False)
    elif syntax == JPEGBaseline8Bit:
        dataset.PixelData = encapsulate([jpeg_file(pixels.astype(np.uint8))])
    elif syntax == ExplicitVRBigEndian:
        dataset.PixelData = _in_words(pixels)
    else:
        dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OW"


def _in_words(pixels: NDArray[np.integer]) -> bytes:
    """Return pixels in words of two bytes, the higher one first; of bytes that is the second."""
    plain = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    return np.frombuffer(plain + b"\0" * (len(plain) % 2), "<u2").byteswap().tobytes()


def jpeg_2000(pixels: NDArray[np.integer], bits: int, *, is_transformed: bool = True) -> bytes:
    """Return a frame in lossless JPEG 2000, its colours transformed or as they are."""
    encoded: bytes = imagecodecs.jpeg2k_encode(
        pixels,
        level=0,
        codecformat="j2k",
        bitspersample=bits,
        reversible=True,
        mct=is_transformed,
    )
    return encoded


def jpeg_file(pixels: NDArray[np.uint8], **options: object) -> bytes:
    """Return pixels, grey or colour, as a JPEG file."""
    return _raster(pixels, "JPEG", quality=95, **options)


def with_more_scans(jpeg: bytes, count: int) -> bytes:
    """Repeat a JPEG's last scan."""
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last * count + jpeg[-2:]


def png_file(pixels: NDArray[np.integer]) -> bytes:
    """Return pixels, grey or colour, as a PNG file."""
    return _raster(pixels, "PNG")


def _raster(pixels: NDArray[np.integer], kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
