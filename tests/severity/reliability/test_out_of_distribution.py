import dataclasses
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file

from severity.domain import DistributionCheck, OutOfDistribution
from severity.errors import WrongWeights
from severity.images.grey_image import GreyImage
from severity.images.preprocessing import MODEL_LIMIT, to_model_input
from severity.models.bundled import load_bundled
from severity.models.scoring_model import Placement
from severity.reliability import known_processing, maps
from severity.reliability.out_of_distribution import (
    LEAST_GREYS,
    from_safetensors,
    frontal_distribution,
    to_safetensors,
)
from tests.builders.reading import read
from training.images import TrainingImage as LabelledImage
from training.images import collection_images

Pixels = NDArray[np.float32]


@pytest.fixture(scope="module")
def chest() -> Pixels:
    content = Path(get_testdata_file("RG1_UNCR.dcm", download=False)).read_bytes()
    return to_model_input(read(content).grey)


@pytest.fixture(scope="module")
def knee() -> Pixels:
    """A radiograph whose header would have it rejected."""
    dataset = dcmread(get_testdata_file("RG3_UNCR.dcm", download=False))
    pixels = np.ascontiguousarray(dataset.pixel_array)
    white, black = (float(extreme) for extreme in (pixels.min(), pixels.max()))
    return to_model_input(GreyImage(pixels, black, white, *pixels.shape))


def noise() -> Pixels:
    return (
        np.random.default_rng(0).uniform(-MODEL_LIMIT, MODEL_LIMIT, (224, 224)).astype(np.float32)
    )


def of(image: Pixels) -> DistributionCheck:
    return frontal_distribution().check([image])[0]


def test_a_frontal_image_is_in_distribution(chest: Pixels) -> None:
    distribution_check = of(chest)

    assert distribution_check.distance < 1
    assert distribution_check.out_of_distribution is None
    assert distribution_check.reference == frontal_distribution().key


def test_a_knee_has_another_layout(knee: Pixels) -> None:
    distribution_check = of(knee)

    assert distribution_check.distance > 1
    assert distribution_check.out_of_distribution is OutOfDistribution.LAYOUT


def test_a_negative_is_recognised(chest: Pixels) -> None:
    assert of(-chest).out_of_distribution is OutOfDistribution.INVERTED


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_rotated_image_is_recognised(chest: Pixels, quarters: int) -> None:
    assert of(np.rot90(chest, quarters)).out_of_distribution is OutOfDistribution.ROTATED


def test_noise_is_no_images_texture() -> None:
    assert of(noise()).out_of_distribution is OutOfDistribution.TEXTURE


@pytest.mark.parametrize("shade", [-MODEL_LIMIT, 0, MODEL_LIMIT])
def test_an_even_image_is_out_of_distribution_and_still_measured(shade: float) -> None:
    distribution_check = of(np.full((224, 224), shade, np.float32))

    assert np.isfinite(distribution_check.distance)
    assert distribution_check.out_of_distribution is not None


def test_exposure_and_contrast_do_not_change_the_distance(chest: Pixels) -> None:
    assert of(chest / 4 - 500).distance == pytest.approx(of(chest).distance, abs=0.02)


def test_greys_that_fill_too_little_of_the_scale_are_flagged(chest: Pixels) -> None:
    """As pixels of 14 bits do that a header calls 16; a network that standardises hides it."""
    lowest, highest = float(chest.min()), float(chest.max())
    shares = [1.01 * LEAST_GREYS, 0.99 * LEAST_GREYS, 1 / 4, 1 / 16]

    narrow = [(chest - lowest) / (highest - lowest) * share * 2 * MODEL_LIMIT for share in shares]

    low = OutOfDistribution.LOW_CONTRAST
    assert [of(image - MODEL_LIMIT).out_of_distribution for image in narrow] == [
        None,
        low,
        low,
        low,
    ]


def test_another_reason_counts_before_a_low_contrast(knee: Pixels) -> None:
    assert of(knee / 8).out_of_distribution is OutOfDistribution.LAYOUT


def test_a_mirrored_image_has_the_distance_of_the_image(chest: Pixels) -> None:
    assert of(chest[:, ::-1]).distance == pytest.approx(of(chest).distance, abs=0.01)


def test_each_of_three_images_has_the_distance_that_it_has_alone(
    chest: Pixels, knee: Pixels
) -> None:
    images = [chest, noise(), knee]

    together = frontal_distribution().check(images)

    assert together == [of(image) for image in images]
    assert len({check.out_of_distribution for check in together}) == 3


@pytest.mark.weights
def test_every_score_has_the_distribution_check_of_its_image(chest: Pixels, knee: Pixels) -> None:
    model = load_bundled("compact-1", Placement())

    images = [chest, knee, noise()]
    scores = model.score(images)

    assert [score.distribution_check for score in scores] == [of(image) for image in images]
    processing = known_processing().checks_of(maps(images))
    assert [score.processing_check for score in scores] == processing


def test_a_reference_is_the_same_after_writing_and_reading(chest: Pixels, knee: Pixels) -> None:
    read = from_safetensors(to_safetensors(frontal_distribution()))

    assert read.key == frontal_distribution().key
    assert read.check([chest, knee]) == frontal_distribution().check([chest, knee])


def test_whatever_moves_a_distance_makes_another_reference() -> None:
    original = frontal_distribution()
    moved = original.mean.copy()
    moved[0] += 1
    variants = [
        dataclasses.replace(original, mean=moved),
        dataclasses.replace(original, within_limit=original.within_limit * 2),
        dataclasses.replace(original, beyond_limit=original.beyond_limit * 2),
    ]

    assert len({original.key, *(variant.key for variant in variants)}) == 4


def test_a_reference_of_the_former_kind_is_refused() -> None:
    former = Path(__file__).parents[3] / "training" / "frontal-1.safetensors"

    with pytest.raises(WrongWeights, match="format 1"):
        from_safetensors(former.read_bytes())


@pytest.mark.parametrize("content", [b"", b"{}", to_safetensors(frontal_distribution())[:-1]])
def test_what_is_no_reference_is_refused(content: bytes) -> None:
    with pytest.raises(WrongWeights):
        from_safetensors(content)


def test_a_reference_for_images_prepared_otherwise_is_refused() -> None:
    content = to_safetensors(frontal_distribution()).replace(
        b"centercrop-resize", b"centercrop-squeeze"[:17]
    )

    with pytest.raises(WrongWeights, match="preprocessing"):
        from_safetensors(content)


@pytest.mark.parametrize(
    "wrong",
    [
        {"within_limit": 0.0},
        {"beyond_limit": float("nan")},
        {"mean": np.zeros(3, np.float32)},
        {"deviations": np.zeros_like(frontal_distribution().deviations)},
    ],
)
def test_numbers_that_measure_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(WrongWeights):
        dataclasses.replace(frontal_distribution(), **wrong)


@pytest.mark.weights
def test_one_changed_byte_of_the_installed_reference_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with resources.as_file(resources.files("severity") / "weights") as weights:
        copytree(weights, tmp_path / "weights")
    file = tmp_path / "weights" / "frontal-2.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    monkeypatch.setattr(
        "severity.reliability.out_of_distribution.resources.files", lambda _: tmp_path
    )

    with pytest.raises(WrongWeights, match="reinstall"):
        frontal_distribution.__wrapped__()


@pytest.fixture(scope="module")
def frontals(cidc: Path) -> list[Pixels]:
    return _inputs(collection_images(cidc.parent))


def _inputs(images: Sequence[LabelledImage]) -> list[Pixels]:
    pytest.importorskip("torch")
    from training.head import model_inputs

    return list(model_inputs(images)[:, 0].numpy())


def share(images: Sequence[Pixels], *reasons: OutOfDistribution) -> float:
    """The share of images that are flagged, for one of ``reasons`` if any are named."""
    flagged = [check.out_of_distribution for check in frontal_distribution().check(images)]
    return sum(reason in (reasons or tuple(OutOfDistribution)) for reason in flagged) / len(flagged)


def test_at_most_two_of_a_hundred_frontal_images_are_flagged(frontals: list[Pixels]) -> None:
    assert len(frontals) == 531
    assert share(frontals) <= 0.02


def test_it_is_not_severity_that_is_flagged(cidc: Path) -> None:
    severe = [image for image in collection_images(cidc.parent) if is_severe(image)]

    assert len(severe) >= 30
    assert share(_inputs(severe)) <= 0.02


def is_severe(image: LabelledImage) -> bool:
    """Return whether readers scored 6 of 8 points of extent or 12 of 18 of the Brixia score."""
    extent = image.score.extent if image.score is not None else 0
    return extent >= 6 or sum(image.brixia_zones or ()) >= 12


def test_most_laterals_are_flagged(cidc: Path) -> None:
    pytest.importorskip("torch")
    from training.out_of_distribution import lateral_images

    laterals = _inputs(lateral_images(cidc.parent))

    assert len(laterals) == 44
    assert share(laterals) >= 0.85


def test_negatives_are_flagged_as_such(frontals: list[Pixels]) -> None:
    assert share([-frontal for frontal in frontals]) >= 0.99
    assert share([-frontal for frontal in frontals], OutOfDistribution.INVERTED) >= 0.95


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotated_images_are_flagged_as_such(frontals: list[Pixels], quarters: int) -> None:
    rotated = [np.rot90(frontal, quarters) for frontal in frontals]

    assert share(rotated) >= 0.94
    assert share(rotated, OutOfDistribution.ROTATED) >= 0.9
