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

from severity.compact import MirrorAveraged, head_of
from severity.preprocessing import PREPROCESSING
from severity.triage import Triage
from training.head import LinearHead
from training.protocol import EXTENT_MAXIMUM, OPACITY_MAXIMUM, Accuracy

NAME = "compact-2"


@dataclass(frozen=True)
class TrainedModel:
    """A network, its two heads and its triage."""

    network: MirrorAveraged
    extent: LinearHead
    opacity: LinearHead
    triage: Triage

    def tensors(self) -> dict[str, Tensor]:
        """List what is stored, float32; row 0 of the head is extent, row 1 is opacity."""
        heads = (self.extent, self.opacity)
        head = {
            "head.weight": torch.from_numpy(np.stack([head.weight for head in heads])),
            "head.bias": torch.tensor([head.bias for head in heads]),
        }
        triage = {key: torch.from_numpy(part) for key, part in self.triage.tensors().items()}
        network = {
            key: value
            for key, value in self.network.state_dict().items()
            if not key.endswith("num_batches_tracked")
        }
        return {k: v.detach().float().contiguous() for k, v in (network | head | triage).items()}


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
        "backbone": "efficientnet-lite0",
        "weights_sha256": file_sha256(weights),
        "head_sha256": head_of(tensors, name=NAME, scales=scales).sha256,
        "preprocessing": PREPROCESSING,
        "mirror_averaging": True,
        "scales": scales,
        "metrics": metrics,
        "training": training,
    }
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (folder / f"{NAME}.json").write_text(text, encoding="utf-8")


def as_numbers(accuracy: Accuracy) -> dict[str, float]:
    """Round an accuracy for the model's card, to four decimals."""
    return {name: round(value, 4) for name, value in asdict(accuracy).items()}
