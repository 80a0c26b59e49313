from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from benchmarks.images import repeated, write_images
from benchmarks.jobs import BenchmarkError, Format


def test_uncompressed_images_have_identities_and_pixels_of_their_own(tmp_path):
    files = write_images(Format.UNCOMPRESSED, 3, data=tmp_path, folder=tmp_path / "images")

    images = [dcmread(file) for file in files]
    assert len({image.SOPInstanceUID for image in images}) == 3
    assert all(
        image.SOPInstanceUID == image.file_meta.MediaStorageSOPInstanceUID for image in images
    )
    assert len({image.PixelData for image in images}) == 3
    assert np.ptp([image.pixel_array.astype(int) for image in images], axis=0).max() == 1


def test_jpeg_2000_images_have_identities_of_their_own_and_stay_encoded(tmp_path):
    files = write_images(Format.JPEG_2000, 3, data=tmp_path, folder=tmp_path / "images")

    images = [dcmread(file) for file in files]
    assert len({image.SOPInstanceUID for image in images}) == 3
    assert len({image.PixelData for image in images}) == 1
    assert images[0].file_meta.TransferSyntaxUID.name.startswith("JPEG 2000")


def test_png_and_jpeg_images_come_from_all_over_the_collection(cidc, tmp_path):
    files = write_images(Format.RASTER, 5, data=cidc.parent, folder=tmp_path / "images")

    assert len({Path(file).read_bytes() for file in files}) == 5


def test_a_missing_collection_is_reported_with_what_to_do(tmp_path):
    with pytest.raises(BenchmarkError, match="set it with --data, or leave png-jpeg out"):
        write_images(Format.RASTER, 5, data=tmp_path, folder=tmp_path / "images")


def test_repeated_images_take_no_further_room(tmp_path):
    image = tmp_path / "image.dcm"
    image.write_bytes(b"image")

    names = repeated([str(image)], 3, folder=tmp_path / "many")

    assert len(set(names)) == 3
    assert {Path(name).stat().st_ino for name in names} == {image.stat().st_ino}
