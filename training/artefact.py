"""Write a model and what is known about it, under names that the scoring checks."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from severity.compact import SideBySide, head_of
from severity.preprocessing import PREPROCESSING
from training.head import LinearHead
from training.protocol import EXTENT_MAXIMUM, OPACITY_MAXIMUM, Accuracy

NAME = "compact-2"

_BACKBONE = "efficientnet-lite0-pair"
_CONVOLUTION = 4  # dimensions of its weights


@dataclass(frozen=True)
class TrainedModel:
    """A network and its two heads."""

    network: SideBySide
    extent: LinearHead
    opacity: LinearHead

    def tensors(self) -> dict[str, Tensor]:
        """List what is stored; row 0 of the head is extent, row 1 is opacity."""
        heads = (self.extent, self.opacity)
        head = {
            "head.weight": torch.from_numpy(np.stack([head.weight for head in heads])).float(),
            "head.bias": torch.tensor([head.bias for head in heads]),
        }
        network = {
            key: stored(value)
            for key, value in self.network.state_dict().items()
            if not key.endswith("num_batches_tracked")
        }
        return {k: v.detach().contiguous() for k, v in (network | head).items()}


def stored(weights: Tensor) -> Tensor:
    """Halve what is large, the convolutions: two networks then take the room of one."""
    return weights.half() if weights.ndim == _CONVOLUTION else weights


def as_stored(network: SideBySide) -> SideBySide:
    """Round a network's weights to what is stored, so that heads are fitted on what scores."""
    rounded = {key: stored(value).to(value.dtype) for key, value in network.state_dict().items()}
    network.load_state_dict(rounded)
    return network


def file_sha256(path: Path) -> str:
    """Hash a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(
    model: TrainedModel,
    folder: Path,
    *,
    metrics: Mapping[str, Any],
    training: Mapping[str, Any],
) -> None:
    """Write ``compact-2.safetensors`` and ``compact-2.json`` into a folder."""
    tensors = model.tensors()
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{NAME}.safetensors"
    weights.write_bytes(save(tensors))
    scales = {
        "geographic_extent": (0, int(EXTENT_MAXIMUM)),
        "opacity": (0, int(OPACITY_MAXIMUM)),
    }
    card = {
        "name": NAME,
        "backbone": _BACKBONE,
        "networks": len(model.network.networks),
        "weights_sha256": file_sha256(weights),
        "head_sha256": head_of(tensors, name=NAME, backbone=_BACKBONE, scales=scales).sha256,
        "preprocessing": PREPROCESSING,
        "mirror_averaging": False,
        "scales": scales,
        "metrics": metrics,
        "training": training,
    }
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (folder / f"{NAME}.json").write_text(text, encoding="utf-8")


def as_numbers(accuracy: Accuracy) -> dict[str, float]:
    """Round an accuracy for the model's card, to four decimals."""
    return {name: round(value, 4) for name, value in asdict(accuracy).items()}
