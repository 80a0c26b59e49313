"""Damaged files are refused or read, and nothing else happens.

Seeded, so a failure repeats. To search further than every run should take, set
`FUZZ_COPIES` to a number of damaged copies.
"""

import os
import random
import time
from datetime import UTC

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from severity.errors import RejectedImage, UnreadableSidecar
from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord, parse_sidecar
from severity.images.preprocessing import to_model_input
from severity.pseudonym import DerivedUids
from tests.builders.encoded_images import dicom_file, grey_image, jpeg_file, png_file

COPIES = int(os.environ.get("FUZZ_COPIES", "1000"))
SLOWEST = 20  # seconds, on a busy machine
HEADER = 1200  # bytes of a small file in which damage does the most
LENGTHS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\xfe\xff\xff\xff")
VALUE_TYPES = (b"SQ", b"UN", b"OB", b"US", b"DS", b"AT", b"FD", b"PN", b"\xff\xff")
SOMEBODY = SidecarRecord(patient_id="2", offset_days="3")
SIDECARS = {
    "metadata.csv": b'filename,patientid,offset,view\na.png,1,3,PA\n"b.png",2,4,AP\n"c,d.png",,,\n',
    "metadata.json": b'[{"filename": "a.png", "patient_id": 1, "offset_days": 1.5},'
    b' {"filename": "b.png", "patient_id": "x\\u00e4", "acquired_at": "2020-01-01"}]',
}


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Change a file in one to eight places."""
    copy = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        if not copy:
            break
        end = len(copy) if chance.random() < 0.4 else min(len(copy), HEADER)
        at = chance.randrange(end)
        length = chance.randrange(1, 200)
        match chance.choice(("bit", "bit", "cut", "double", "drop", "length", "type", "copy")):
            case "bit":
                copy[at] ^= 1 << chance.randrange(8)
            case "cut":
                del copy[at:]
            case "double":
                copy[at:at] = copy[at : at + length]
            case "drop":
                del copy[at : at + length]
            case "length":
                copy[at : at + 4] = chance.choice(LENGTHS)
            case "type":
                copy[at : at + 2] = chance.choice(VALUE_TYPES)
            case "copy":
                source = chance.randrange(len(copy))
                copy[at : at + length] = copy[source : source + length]
    return bytes(copy)


def table() -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 16])
    item.add_new("LUTData", "OW", np.arange(4096, dtype="<u2").tobytes())
    return [item]


def compressed(pixels: NDArray[np.uint16]) -> list[bytes]:
    """One image for each further decoder."""
    large = np.tile(pixels, (14, 12))  # decoded to half its size
    jpeg, j2k = imagecodecs.jpeg8_encode, imagecodecs.jpeg2k_encode
    twelve_bits = {"bitspersample": 12}
    return [
        dicom_file(frames, syntax=syntax, frame=frame)
        for frames, syntax, frame in (
            (pixels, JPEGExtended12Bit, jpeg(pixels, level=95, **twelve_bits)),
            (pixels, JPEGLosslessSV1, jpeg(pixels, lossless=True, predictor=1, **twelve_bits)),
            (pixels, JPEGLSLossless, imagecodecs.jpegls_encode(pixels)),
            (pixels, HTJ2KLossless, imagecodecs.htj2k_encode(pixels, reversible=True)),
            (large, JPEG2000, j2k(large, level=50, codecformat="j2k", **twelve_bits)),
        )
    ]


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    """One small image of each kind that is read in a way of its own."""
    eight_bits = grey_image(bits=8).astype(np.uint8)
    return [
        dicom_file(
            AcquisitionDateTime="20200401120000+0100", WindowCenter="2000", WindowWidth="99"
        ),
        dicom_file(RescaleSlope="2", RescaleIntercept="-3", VOILUTSequence=table()),
        dicom_file(syntax=ImplicitVRLittleEndian, ModalityLUTSequence=table()),
        dicom_file(syntax=ExplicitVRBigEndian, PhotometricInterpretation="MONOCHROME1"),
        dicom_file(syntax=RLELossless),
        dicom_file(syntax=JPEG2000Lossless),
        dicom_file(eight_bits, bits=8, syntax=JPEGBaseline8Bit),
        *compressed(grey_image(bits=12)),
        png_file(eight_bits),
        png_file(grey_image(bits=16)),
        png_file(np.dstack([eight_bits] * 4)),
        jpeg_file(eight_bits),
        jpeg_file(np.dstack([eight_bits] * 3), progressive=True),
    ]


def test_the_images_are_readable_before_they_are_damaged(images: list[bytes]) -> None:
    for content in images:
        assert read_radiograph(content, SOMEBODY, uids=DerivedUids.unlinked(), zone=UTC)


def test_a_damaged_image_is_read_or_refused_and_nothing_else(images: list[bytes]) -> None:
    chance = random.Random(0)  # noqa: S311 - repeatable, not secret
    refused = 0
    for _ in range(COPIES):
        content = damaged(chance.choice(images), chance)
        began = time.monotonic()
        try:
            image = read_radiograph(content, SOMEBODY, uids=DerivedUids.unlinked(), zone=UTC)
        except RejectedImage:
            refused += 1
            continue
        finally:
            assert time.monotonic() - began < SLOWEST
        assert np.isfinite(to_model_input(image.grey)).all()
        assert image.pixel_sha256()
    assert 0 < refused < COPIES


def test_a_damaged_sidecar_is_read_or_unreadable_and_nothing_else() -> None:
    chance = random.Random(0)  # noqa: S311 - repeatable, not secret
    for _ in range(COPIES):
        name = chance.choice(list(SIDECARS))
        try:
            records = parse_sidecar(name, damaged(SIDECARS[name], chance))
        except UnreadableSidecar:
            continue
        assert all(record.digest for record in records.values())
