import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load
from torch import Tensor

from severity.heads.lungs import Division
from severity.heads.triage import Triage
from severity.images.preprocessing import PREPROCESSING
from severity.models.architectures.efficientnet_lite import EfficientNetLite0
from severity.models.architectures.lung_maps import trained_network
from severity.models.bundled import bundled_tensors, head_of
from severity.models.bundled_cards import BUNDLED, bundled_calibration
from training.artefact import TrainedModel, write
from training.compact_2 import averaged
from training.head import LinearHead

WEIGHTS = Path(__file__).parents[2] / "severity" / "weights"
LARGEST_BYTES = 20_000_000
MOST_ERROR = {"compact-3": (0.95, 0.65), "compact-2": (1.00, 0.72), "compact-1": (1.25, 0.90)}


@dataclass(frozen=True)
class Shipped:
    name: str
    card: dict[str, Any]
    content: bytes
    tensors: dict[str, Tensor]


@pytest.fixture(scope="module", params=BUNDLED)
def shipped(request: pytest.FixtureRequest) -> Shipped:
    name: str = request.param
    card: dict[str, Any] = json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
    content = (WEIGHTS / f"{name}.safetensors").read_bytes()
    return Shipped(name, card, content, load(content))


def test_the_shipped_card_names_the_shipped_weights(shipped: Shipped) -> None:
    assert len(shipped.content) <= LARGEST_BYTES
    assert shipped.card["weights_sha256"] == hashlib.sha256(shipped.content).hexdigest()
    tensors = bundled_tensors(shipped.name)
    head = head_of(tensors, name=shipped.name, scales=shipped.card["scales"])
    assert shipped.card["head_sha256"] == head.sha256
    assert shipped.card["preprocessing"] == PREPROCESSING


def test_the_shipped_weights_fill_the_backbone_and_two_heads(shipped: Shipped) -> None:
    backbone = {
        name.removeprefix("backbone."): value
        for name, value in shipped.tensors.items()
        if name.startswith("backbone.")
    }
    unfilled = EfficientNetLite0().load_state_dict(backbone, strict=False)

    assert all(name.endswith("num_batches_tracked") for name in unfilled.missing_keys)
    assert not unfilled.unexpected_keys
    assert shipped.tensors["head.weight"].shape == (2, 1280)
    assert shipped.tensors["head.bias"].shape == (2,)


def test_the_shipped_model_meets_its_target(shipped: Shipped) -> None:
    extent, opacity = MOST_ERROR[shipped.name]

    assert shipped.card["metrics"]["geographic_extent"]["mae"] <= extent
    assert shipped.card["metrics"]["opacity"]["mae"] <= opacity


def test_the_shipped_card_holds_no_path_of_a_machine(shipped: Shipped) -> None:
    text = json.dumps(shipped.card)

    assert "/work" not in text
    assert "/home" not in text


def test_intervals_of_the_default_model_cover_unseen_patients() -> None:
    card = json.loads((WEIGHTS / f"{BUNDLED[0]}.json").read_text(encoding="utf-8"))

    for score in ("geographic_extent", "opacity"):
        of_all, *_ = card["metrics"]["coverage"][score]
        assert 0.87 <= round(of_all["share"], 2) <= 0.93


def test_the_default_model_has_both_measurement_errors() -> None:
    calibration = bundled_calibration(BUNDLED[0])

    assert calibration is not None
    for score in (calibration.geographic_extent, calibration.opacity):
        assert score.error.repeats is not None
        assert score.error.perturbations is not None
        assert score.error.perturbations.points < score.error.repeats.points


def test_an_averaged_network_has_the_mean_of_all_weights() -> None:
    networks = [EfficientNetLite0() for _ in range(2)]
    parts = [dict(network.named_parameters()) for network in networks]

    for name, value in averaged(networks).named_parameters():
        assert torch.allclose(value, (parts[0][name] + parts[1][name]) / 2)


@pytest.mark.weights
@pytest.mark.parametrize("name", ["compact-3", "compact-2"])
def test_a_model_that_is_written_is_the_shipped_one(name: str, tmp_path: Path) -> None:
    tensors = load((WEIGHTS / f"{name}.safetensors").read_bytes())
    extent, opacity = (
        LinearHead(weight.numpy(), float(bias))
        for weight, bias in zip(tensors["head.weight"], tensors["head.bias"], strict=True)
    )
    arrays = {key: value.numpy() for key, value in tensors.items()}
    triage, division = Triage.of(arrays), Division.of(arrays)
    calibration = bundled_calibration(name)
    assert calibration is not None

    write(
        TrainedModel(name, trained_network(tensors), extent, opacity, triage, division),
        calibration,
        tmp_path,
        metrics={},
        training={},
    )

    for ending in ("safetensors", "network.json", "calibration.json"):
        written, shipped = (folder / f"{name}.{ending}" for folder in (tmp_path, WEIGHTS))
        assert written.read_bytes() == shipped.read_bytes(), ending
    card, shipped_card = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for folder in (tmp_path, WEIGHTS)
    )
    # The parameters of courses are learned afterwards, from what the model scores.
    del shipped_card["course_sha256"]
    assert card | {"metrics": {}, "training": {}} == shipped_card | {"metrics": {}, "training": {}}
