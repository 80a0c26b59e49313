"""PNG and JPEG files that say by Exif how they are to be rotated."""

import io
from datetime import UTC

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image, ImageOps

from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord
from severity.images.orientation import EXIF_ORIENTATIONS, UPRIGHT
from severity.pseudonym import DerivedUids
from tests.builders.encoded_images import grey_image

ORIENTATION = 0x0112


def shown(content: bytes) -> NDArray[np.generic]:
    somebody = SidecarRecord(patient_id="1")
    uids = DerivedUids.unlinked()
    return read_radiograph(content, somebody, uids=uids, zone=UTC).grey.values


def file(kind: str, bits: int, exif: bytes | Image.Exif) -> bytes:
    pixels = grey_image(bits=bits).astype(np.uint8 if bits == 8 else np.uint16)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind, exif=exif)
    return content.getvalue()


@pytest.mark.parametrize(("kind", "bits"), [("PNG", 8), ("PNG", 16), ("JPEG", 8)])
@pytest.mark.parametrize("value", range(1, 9))
def test_an_image_is_upright_as_its_file_says(kind: str, bits: int, value: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    content = file(kind, bits, exif)

    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))  # not what is used

    assert_array_equal(shown(content), np.asarray(upright))


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0II*\0\x08\0\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(10),
        b"Exif\0\0" + b"\xff" * 200,
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0four\0\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0\0\0\0\0",
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_exif_does_not_say_rotates_nothing(kind: str, exif: bytes) -> None:
    assert_array_equal(shown(file(kind, 8, exif)), shown(file(kind, 8, b"")))


def test_every_orientation_is_another() -> None:
    pixels = np.arange(12).reshape(3, 4)
    uprights = [way.upright(pixels) for way in (UPRIGHT, *EXIF_ORIENTATIONS.values())]

    assert len({(values.shape, values.tobytes()) for values in uprights}) == 8
