from pathlib import Path
from shutil import copy

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image
from pydicom.data import get_testdata_file

from severity.reliability.out_of_distribution import frontal_distribution
from training.counterexamples import ALTERED, drawn, in_folder, with_opacities


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An extremity in two encodings, a CT slice, a picture, and a file that is no image."""
    for name in ("RG3_UNCR.dcm", "RG3_J2KR.dcm", "CT_small.dcm"):
        copy(str(get_testdata_file(name, download=False)), tmp_path)
    slope = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint8)
    Image.fromarray(slope).save(tmp_path / "slope.png")
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_images_of_a_folder_come_by_kind_and_once_each(folder: Path) -> None:
    inputs_by_kind = in_folder(folder)

    assert {kind: len(inputs) for kind, inputs in inputs_by_kind.items()} == {
        "CR EXTREMITY": 1,
        "CT": 1,
        "CT soft tissue": 1,
        "CT lung": 1,
        "picture": 1,
    }


def test_images_of_a_folder_fill_the_range_of_an_image(folder: Path) -> None:
    for inputs in in_folder(folder).values():
        for model_input in inputs:
            assert model_input.shape == (224, 224)
            assert model_input.max() - model_input.min() > 1000


def test_everything_that_is_drawn_is_flagged() -> None:
    for inputs in drawn().values():
        assert all(
            check.out_of_distribution is not None for check in frontal_distribution().check(inputs)
        )


@pytest.mark.parametrize("kind", ALTERED)
def test_an_altered_image_is_another_image_of_the_same_range(folder: Path, kind: str) -> None:
    (image,) = in_folder(folder)["CR EXTREMITY"]

    altered = ALTERED[kind](image)

    assert altered.shape == image.shape
    assert -1024 <= altered.min() < altered.max() <= 1024
    assert not np.array_equal(altered, image)


def test_painted_opacities_only_brighten(folder: Path) -> None:
    images = in_folder(folder)["CT"] * 3

    for image, opaque in zip(images, with_opacities(images), strict=True):
        assert (opaque - image).min() > -0.01
        assert (opaque - image).max() > 10
