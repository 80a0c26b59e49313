from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from training.duplicates import SAME_IMAGE, agreement, reduced
from training.images import collection_images, grey_pixels

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="session")
def series(data: Path) -> list[Pixels]:
    """Three images of one patient, three days apart at most."""
    images = [image for image in collection_images(data) if image.patient == "cidc-2"]
    return [grey_pixels(image.path) for image in images[:3]]


def published_again(pixels: Pixels) -> Pixels:
    """Cut the margins unevenly, shrink, brighten, add a black border and store as JPEG."""
    rows, columns = pixels.shape
    cut = pixels[rows // 12 : -rows // 20, columns // 30 : -columns // 14]
    copy = Image.fromarray(cut).resize((300, 340), Image.Resampling.BILINEAR)
    copy = copy.point([round(255 * (grey / 255) ** 0.7) for grey in range(256)])
    framed = Image.new("L", (320, 360))
    framed.paste(copy, (10, 12))
    stream = BytesIO()
    framed.save(stream, "JPEG", quality=40)
    return np.asarray(Image.open(stream))


def test_a_cropped_rescaled_and_reencoded_copy_is_the_same_image(series: list[Pixels]) -> None:
    for pixels in series:
        assert agreement(reduced(pixels), reduced(published_again(pixels))) > SAME_IMAGE


def test_a_mirrored_copy_is_the_same_image(series: list[Pixels]) -> None:
    mirrored = np.ascontiguousarray(published_again(series[0])[:, ::-1])

    assert agreement(reduced(series[0]), reduced(mirrored)) > SAME_IMAGE


def test_images_of_one_patient_on_different_days_are_not_the_same_image(
    series: list[Pixels],
) -> None:
    first, *later = [reduced(pixels) for pixels in series]

    assert max(agreement(first, image) for image in later) < SAME_IMAGE
