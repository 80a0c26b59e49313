import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from torch import Tensor

from severity.compact import head_of
from severity.efficientnet_lite import EfficientNetLite0
from severity.preprocessing import PREPROCESSING

WEIGHTS = Path(__file__).parents[2] / "severity" / "weights"
LARGEST_BYTES = 20_000_000


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    card: dict[str, Any] = json.loads((WEIGHTS / "compact-1.json").read_text(encoding="utf-8"))
    return card


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return load_file(WEIGHTS / "compact-1.safetensors")


def test_the_shipped_card_names_the_shipped_weights(
    card: dict[str, Any], tensors: dict[str, Tensor]
) -> None:
    content = (WEIGHTS / "compact-1.safetensors").read_bytes()

    assert len(content) <= LARGEST_BYTES
    assert card["weights_sha256"] == hashlib.sha256(content).hexdigest()
    head = head_of(tensors, name="compact-1", backbone=card["backbone"], scales=card["scales"])
    assert card["head_sha256"] == head.sha256
    assert card["preprocessing"] == PREPROCESSING


def test_the_shipped_weights_fill_the_backbone_and_two_heads(tensors: dict[str, Tensor]) -> None:
    backbone = {
        name.removeprefix("backbone."): value
        for name, value in tensors.items()
        if name.startswith("backbone.")
    }
    unfilled = EfficientNetLite0().load_state_dict(backbone, strict=False)

    assert all(name.endswith("num_batches_tracked") for name in unfilled.missing_keys)
    assert not unfilled.unexpected_keys
    assert tensors["head.weight"].shape == (2, 1280)
    assert tensors["head.bias"].shape == (2,)


def test_the_shipped_model_meets_its_target(card: dict[str, Any]) -> None:
    assert card["metrics"]["geographic_extent"]["mae"] <= 1.25
    assert card["metrics"]["opacity"]["mae"] <= 0.90


def test_the_shipped_card_holds_no_path_of_a_machine(card: dict[str, Any]) -> None:
    text = json.dumps(card)

    assert "/work" not in text
    assert "/home" not in text
