import hashlib
import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from severity.errors import WrongWeights
from severity.heads.head import Layer
from severity.heads.triage import CLASSES, Triage, TriageClass
from severity.models.bundled import load_bundled, triage_of
from severity.models.scoring_model import Placement, ScoringModel
from tests.builders.images import three_images

FEATURES = 1280


def triage(*, features: int = FEATURES, classes: int = 3, scale: float = 1.0) -> Triage:
    random = np.random.default_rng(0)
    weight, bias = random.normal(0, scale, (features, classes)), random.normal(0, 1, classes)
    return Triage(Layer(weight.astype(np.float32), bias.astype(np.float32)))


def features(*, images: int = 3, width: int = FEATURES) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(0, 1, (images, width)).astype(np.float32)


@pytest.fixture(scope="module")
def bundled() -> ScoringModel:
    return load_bundled("compact-1", Placement(streams=1))


def test_the_probabilities_of_each_image_sum_to_one() -> None:
    probabilities = triage(scale=0.1).probabilities(features())

    assert probabilities.shape == (3, 3)
    assert probabilities.min() >= 0
    assert probabilities.sum(axis=1) == pytest.approx([1, 1, 1])


def test_features_far_from_any_image_still_have_probabilities() -> None:
    probabilities = triage(scale=10).probabilities(features() * 1e4)

    assert probabilities.sum(axis=1) == pytest.approx([1, 1, 1])


def test_each_class_is_read_from_its_own_column() -> None:
    only = {TriageClass.NO_FINDING: 0, TriageClass.OTHER_PNEUMONIA: 1, TriageClass.COVID_19: 2}
    one_feature_each = Triage(Layer(9 * np.eye(3, dtype=np.float32), np.zeros(3, np.float32)))

    images = one_feature_each.by_class(np.eye(3, dtype=np.float32))

    assert tuple(only) == CLASSES
    for expected, place in only.items():
        assert max(images[place], key=images[place].__getitem__) == expected


def test_an_image_has_the_same_probabilities_in_a_batch_as_alone() -> None:
    images, model = features(), triage(scale=0.1)

    alone = np.concatenate([model.probabilities(image[None]) for image in images])

    assert model.probabilities(images) == pytest.approx(alone)


def test_what_is_stored_gives_the_same_probabilities_when_it_is_read() -> None:
    model = triage(scale=0.1)

    stored = load(save(model.tensors()))
    read = Triage.of(stored)

    assert {name: part.shape for name, part in stored.items()} == {
        "triage.weight": (3, FEATURES),
        "triage.bias": (3,),
    }
    assert read is not None
    assert np.array_equal(read.probabilities(features()), model.probabilities(features()))


def test_tensors_of_another_model_hold_no_triage() -> None:
    assert Triage.of({"head.bias": np.zeros(2, np.float32)}) is None


@pytest.mark.parametrize("missing", ["triage.weight", "triage.bias"])
def test_half_a_triage_is_refused(missing: str) -> None:
    tensors = triage().tensors()
    del tensors[missing]

    with pytest.raises(WrongWeights, match="belong together"):
        Triage.of(tensors)


@pytest.mark.parametrize(
    ("weight", "bias"),
    [((2, 8), (2,)), ((4, 8), (4,)), ((8, 3), (3,)), ((3, 8), (2,)), ((24,), (3,))],
)
def test_tensors_of_wrong_shapes_are_refused(
    weight: tuple[int, ...], bias: tuple[int, ...]
) -> None:
    tensors = {
        "triage.weight": np.zeros(weight, np.float32),
        "triage.bias": np.zeros(bias, np.float32),
    }

    with pytest.raises(WrongWeights):
        Triage.of(tensors)


def test_numbers_that_are_not_finite_are_refused() -> None:
    tensors = triage().tensors()
    tensors["triage.weight"][1, 5] = np.nan

    with pytest.raises(WrongWeights, match="finite"):
        Triage.of(tensors)


@pytest.mark.parametrize("shape", [(FEATURES,), (3, FEATURES - 1), (1, 3, FEATURES)])
def test_features_of_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs"):
        triage().probabilities(np.zeros(shape, np.float32))


def test_a_triage_for_another_backbone_is_refused() -> None:
    with pytest.raises(WrongWeights, match="1024"):
        triage_of(triage(features=1024).tensors(), features=FEATURES)


@pytest.mark.weights
def test_a_model_without_triage_gives_none(bundled: ScoringModel) -> None:
    assert bundled.triage is None
    assert [score.triage for score in bundled.score(three_images())] == [{}, {}, {}]


@pytest.mark.weights
def test_triage_does_not_change_the_score(bundled: ScoringModel) -> None:
    images = three_images()

    without = bundled.score(images)
    with_triage = replace(bundled, triage=triage(scale=0.1)).score(images)

    assert [replace(score, triage={}) for score in with_triage] == without


def test_each_image_of_a_batch_carries_its_own_probabilities(bundled: ScoringModel) -> None:
    model = replace(bundled, triage=triage(scale=0.1))
    images = three_images()

    together = [score.triage for score in model.score(images)]
    alone = [model.score(image[None])[0].triage for image in images]

    assert [list(by_class) for by_class in together] == [
        ["no_finding", "other_pneumonia", "covid_19"]
    ] * 3
    for in_batch, by_itself in zip(together, alone, strict=True):
        assert in_batch == pytest.approx(by_itself, abs=1e-4)
    spread = np.ptp([list(by_class.values()) for by_class in together], axis=0).max()
    assert spread > 1e-3, "else this test means nothing"


@pytest.mark.weights
def test_a_triage_in_the_models_file_is_read_and_makes_another_version(
    bundled: ScoringModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added, images = triage(scale=0.1), three_images()
    with resources.as_file(resources.files("severity") / "weights") as weights:
        copytree(weights, tmp_path / "weights")
    file, card = (tmp_path / "weights" / f"compact-1.{end}" for end in ("safetensors", "json"))
    content = save(load(file.read_bytes()) | added.tensors())
    file.write_bytes(content)
    described = json.loads(card.read_text()) | {
        "weights_sha256": hashlib.sha256(content).hexdigest()
    }
    card.write_text(json.dumps(described))
    monkeypatch.setattr("severity.models.bundled_cards.resources.files", lambda _: tmp_path)

    model = load_bundled("compact-1", Placement(streams=1))

    assert model.version.key != bundled.version.key
    assert model.score(images) == replace(bundled, triage=added).score(images)
