import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from scipy import ndimage

from severity.domain import OutOfDistribution, ProcessingCheck, UnlikeProcessing
from severity.errors import WrongWeights
from severity.images.preprocessing import MODEL_LIMIT, to_model_input
from severity.reliability import frontal_distribution, known_processing, maps, processing_to_json
from severity.reliability.processing import processing_from_json
from tests.builders.reading import read

Pixels = NDArray[np.float32]


@pytest.fixture(scope="module")
def chest() -> Pixels:
    content = Path(get_testdata_file("RG1_UNCR.dcm", download=False)).read_bytes()
    return to_model_input(read(content).grey)


def of(image: Pixels) -> ProcessingCheck:
    return known_processing().checks_of(maps([image]))[0]


def evened(image: Pixels) -> Pixels:
    """Standardise by the surroundings of each pixel, as strong local contrast enhancement does."""
    mean = ndimage.gaussian_filter(image, 16)
    deviation = np.sqrt(ndimage.gaussian_filter((image - mean) ** 2, 16)) + 20
    return (300 * (image - mean) / deviation).clip(-MODEL_LIMIT, MODEL_LIMIT)


def mostly_evened(image: Pixels) -> Pixels:
    return 0.15 * image + 0.85 * evened(image)


def test_a_plain_film_is_processed_like_known_ones(chest: Pixels) -> None:
    check = of(chest)

    assert check.distance < 1
    assert check.unlike_processing is None
    assert check.reference == known_processing().key


def test_local_contrast_enhancement_is_noticed(chest: Pixels) -> None:
    assert of(evened(chest)).unlike_processing is UnlikeProcessing.ENHANCED


def test_detail_that_is_much_too_weak_is_noticed(chest: Pixels) -> None:
    assert of(chest / 12).unlike_processing is UnlikeProcessing.FLAT


def test_an_image_can_have_either_flag_both_or_none(chest: Pixels) -> None:
    def flags(image: Pixels) -> tuple[OutOfDistribution | None, UnlikeProcessing | None]:
        (check,) = frontal_distribution().check([image])
        return check.out_of_distribution, of(image).unlike_processing

    assert flags(chest) == (None, None)
    assert flags(-chest) == (OutOfDistribution.INVERTED, None)
    assert flags(mostly_evened(chest)) == (None, UnlikeProcessing.ENHANCED)
    assert flags(chest / 12) == (OutOfDistribution.LOW_CONTRAST, UnlikeProcessing.FLAT)


def test_a_border_is_no_processing(chest: Pixels) -> None:
    framed = np.pad(chest[18:-18, 18:-18], 18, constant_values=MODEL_LIMIT)

    assert of(framed).distance == pytest.approx(of(chest).distance, abs=0.05)


def test_each_of_three_images_has_the_distance_that_it_has_alone(chest: Pixels) -> None:
    images = [chest, evened(chest), chest / 12]

    together = known_processing().checks_of(maps(images))

    assert together == [of(image) for image in images]


@pytest.mark.parametrize("shade", [-MODEL_LIMIT, 0, MODEL_LIMIT])
def test_an_even_image_is_measured_too(shade: float) -> None:
    assert np.isfinite(of(np.full((224, 224), shade, np.float32)).distance)


def test_a_reference_is_the_same_after_writing_and_reading() -> None:
    written = json.dumps(processing_to_json(known_processing())).encode()

    assert processing_from_json(written) == known_processing()


def test_whatever_moves_a_distance_makes_another_reference() -> None:
    original = known_processing()
    moved = dataclasses.replace(original, mean=(original.mean[0] + 1, original.mean[1]))
    wider = dataclasses.replace(original, limit=original.limit * 2)

    assert len({original.key, moved.key, wider.key}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0.0},
        {"mean": (1.0,)},
        {"mean": (float("nan"), 0.0)},
        {"covariance": ((1.0, 2.0), (2.0, 1.0))},
    ],
)
def test_numbers_that_measure_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(WrongWeights):
        dataclasses.replace(known_processing(), **wrong)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"preprocessing": "other"}'])
def test_what_is_no_reference_is_refused(content: bytes) -> None:
    with pytest.raises(WrongWeights):
        processing_from_json(content)
