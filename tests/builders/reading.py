"""Read an image's bytes as the product does: the radiograph, or why it is refused."""

from datetime import UTC, tzinfo
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file

from severity.codecs.helper_processes import DecodingHelpers
from severity.domain import Reason
from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.images.grey_image import GreyImage
from severity.images.radiograph import Radiograph
from severity.pseudonym import DerivedUids


def read(
    content: bytes, zone: tzinfo = UTC, *, helpers: DecodingHelpers | None = None
) -> Radiograph:
    """Read a DICOM image, which needs no sidecar."""
    return read_radiograph(content, None, uids=DerivedUids.unlinked(), zone=zone, helpers=helpers)


def reason(content: bytes) -> Reason:
    """Return why an image is refused; fail if it is read, or if the message names a patient."""
    with pytest.raises(RejectedImage) as rejected:
        read(content)
    assert "ROE" not in str(rejected.value), "a message never names a patient"
    return rejected.value.reason


def published(name: str) -> bytes:
    """Return a real file that comes with pydicom-data."""
    return Path(get_testdata_file(name, download=False)).read_bytes()


def brightness(grey: GreyImage) -> NDArray[np.float64]:
    """Return the displayed brightness, pixel by pixel: 0 is black, 1 is white."""
    return (grey.values.astype(np.float64) - grey.black) / (grey.white - grey.black)
