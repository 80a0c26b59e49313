"""Saliency maps as `score --saliency DIR` leaves them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.errors import UsageError
from flows.resources import Progress, Resources
from flows.scoring.saliency_maps import map_places, picture
from flows.scoring.single_files import score_files
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY
from tests.builders.small_images import write_image

pytestmark = pytest.mark.weights


@pytest.fixture(scope="session")
def resources(_own_home: None) -> Resources:
    return Resources(Settings(device="cpu"), Progress())


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"image-{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        write_image(path, seed=number)
    return paths


def write_maps(images, folder, resources):
    """Score images, and read back the map and the picture of each that has them."""
    pytest.importorskip("torch")
    results = score_files(images, resources, maps=map_places(images, folder))
    pictures = [Path(result.saliency) for result in results if result.saliency]
    return [(np.load(path.with_suffix(".npy")), path.read_bytes()) for path in pictures]


def test_the_map_of_an_image_is_the_same_to_the_last_bit_alone_and_in_a_batch(
    images, resources, tmp_path
):
    together = write_maps(images, tmp_path / "together", resources)
    again = write_maps(images, tmp_path / "again", resources)
    alone = [
        saliency
        for image in images
        for saliency in write_maps([image], tmp_path / f"alone-{image.stem}", resources)
    ]

    for (array, png), (array_again, png_again), (array_alone, png_alone) in zip(
        together, again, alone, strict=True
    ):
        assert (array.dtype, array.shape) == (np.float32, (224, 224))
        assert array.max() > 0
        np.testing.assert_array_equal(array, array_again)
        np.testing.assert_array_equal(array, array_alone)
        assert png == png_again == png_alone
    assert len({array.tobytes() for array, _ in together}) == 3


def test_a_rejected_file_gets_no_map(images, resources, tmp_path):
    images[1].write_text("no image")

    assert len(write_maps(images, tmp_path / "maps", resources)) == 2
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [
        "image-0.saliency.npy",
        "image-0.saliency.png",
        "image-2.saliency.npy",
        "image-2.saliency.png",
    ]


def test_images_of_one_name_are_numbered_in_their_order(tmp_path):
    images = [Path("a/x.png"), Path("b/x.png"), Path("b/x-2.png"), Path("a/x.dcm"), Path("y.png")]

    names = [place.name for place in map_places(images, tmp_path)]

    assert names == ["x", "x-2", "x-2-2", "x-3", "y"]


def test_a_map_that_exists_is_never_replaced(images, resources, tmp_path):
    folder = tmp_path / "maps"
    places = map_places(images, folder)
    write_maps(images, folder, resources)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    with pytest.raises(UsageError, match="name another folder"):
        map_places(images, folder)
    with pytest.raises(UsageError, match="cannot be written"):
        score_files(images, resources, maps=places)  # it was made between the check and the writing

    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_picture_holds_a_caption_below_the_image_and_nothing_that_names_a_patient(
    images, resources, tmp_path
):
    write_maps(images[:1], tmp_path / "maps", resources)

    shown = Image.open(tmp_path / "maps/image-0.saliency.png")

    assert shown.info == {}
    assert shown.width == 3 * 224 < shown.height
    caption = np.asarray(shown)[3 * 224 :]
    assert caption.max() == 255


def test_the_image_shows_through_the_map():
    image = np.full((224, 224), -1024, np.float32)
    image[:, 112:] = 1024

    shown = np.asarray(picture(image, np.zeros_like(image), [RESEARCH_USE_ONLY]))

    dark, light = shown[:672, :336], shown[:672, 336:]
    assert (light.astype(int) - dark > 100).all()
