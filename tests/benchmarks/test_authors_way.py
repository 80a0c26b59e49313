"""The oracle must itself be right: it is compared with the authors' library."""

from datetime import UTC
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from torchxrayvision.datasets import XRayCenterCrop, XRayResizer
from torchxrayvision.utils import load_image, read_xray_dcm

from benchmarks.authors_way import model_input
from benchmarks.images import write_images
from benchmarks.jobs import Format
from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord
from severity.images.preprocessing import to_model_input
from severity.pseudonym import DerivedUids


def product_input(image: str):
    content = Path(image).read_bytes()
    record = SidecarRecord(patient_id="nobody")
    radiograph = read_radiograph(content, record, uids=DerivedUids.unlinked(), zone=UTC)
    return to_model_input(radiograph.grey)


def prepared(image):
    return XRayResizer(224)(XRayCenterCrop()(image))


@pytest.fixture
def dicom(tmp_path) -> str:
    return write_images(Format.UNCOMPRESSED, 1, data=tmp_path, folder=tmp_path / "images")[0]


@pytest.fixture
def raster(cidc, tmp_path) -> str:
    return write_images(Format.RASTER, 1, data=cidc.parent, folder=tmp_path / "images")[0]


def test_dicom_is_read_as_torchxrayvision_reads_it(dicom):
    with pytest.warns(UserWarning, match="Converting MONOCHROME1"):
        expected = prepared(read_xray_dcm(dicom, voi_lut=True)[None])

    assert np.array_equal(model_input(dicom), expected)


def test_png_and_jpeg_are_read_as_torchxrayvision_reads_them(raster):
    assert np.array_equal(model_input(raster), prepared(load_image(raster)))


@pytest.mark.parametrize("form", ["dicom", "raster"])
def test_the_product_prepares_an_image_as_the_reference_does(form, request):
    image = request.getfixturevalue(form)

    assert np.abs(product_input(image) - model_input(image)[0]).max() < 0.01
