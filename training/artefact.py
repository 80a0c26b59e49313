"""Write a trained model with its card and calibration, as scoring reads and checks them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from severity.evaluation.conformal import CoveredOnHalves
from severity.heads.head import Head
from severity.heads.lungs import Division
from severity.heads.triage import Triage
from severity.images.preprocessing import PREPROCESSING
from severity.models.architectures.efficientnet_lite import MirrorAveraged
from severity.models.architectures.lung_maps import LungNetwork
from severity.models.bundled import head_of
from severity.models.network import network_to_json
from severity.models.scoring_model import Placement, ScoringModel, placed
from severity.reliability.calibration import Calibration, calibration_to_json
from training.head import LinearHead
from training.protocol import EXTENT_MAXIMUM, OPACITY_MAXIMUM, Accuracy

BF16_MOVES = {"compact-2": 0.32, "compact-3": 0.16}
"""The most points by which bf16 changes a score, as measured on 90 and on 327 images."""
SCALES = {
    "geographic_extent": (0, int(EXTENT_MAXIMUM)),
    "opacity": (0, int(OPACITY_MAXIMUM)),
}


@dataclass(frozen=True)
class TrainedModel:
    """A named network, its two heads and, if it has them, its triage and its lungs' division."""

    name: str
    network: MirrorAveraged | LungNetwork
    extent: LinearHead
    opacity: LinearHead
    triage: Triage | None = None
    division: Division | None = None

    def scoring(self) -> ScoringModel:
        """Return a scoring model on the CPU, without a calibration, which is measured on it."""
        return placed("", self.network.lowered(), self.head(), Placement())

    def head(self) -> Head:
        """Return the heads of both scores as one head."""
        arrays = {key: value.numpy() for key, value in self.tensors().items()}
        return head_of(arrays, name=self.name, scales=SCALES)

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors to store, float32; row 0 of the head is extent, row 1 is opacity."""
        heads = (self.extent, self.opacity)
        head = {
            "head.weight": torch.from_numpy(np.stack([head.weight for head in heads])),
            "head.bias": torch.tensor([head.bias for head in heads]),
        }
        parts = [part.tensors() for part in (self.triage, self.division) if part is not None]
        more = {key: torch.from_numpy(values) for part in parts for key, values in part.items()}
        network = {
            key: value
            for key, value in self.network.state_dict().items()
            if not key.endswith("num_batches_tracked")
        }
        return {k: v.detach().float().contiguous() for k, v in (network | head | more).items()}


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(
    model: TrainedModel,
    calibration: Calibration,
    folder: Path,
    *,
    metrics: Mapping[str, Any],
    training: Mapping[str, Any],
) -> None:
    """Write a model's files into a folder.

    ``NAME.safetensors`` are the weights, ``.network.json`` is the graph of the network,
    ``.calibration.json`` has intervals and errors, and ``.json`` is the card.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = model.name
    weights, network = folder / f"{name}.safetensors", folder / f"{name}.network.json"
    weights.write_bytes(save(model.tensors()))
    network.write_text(network_to_json(model.network.lowered().network), encoding="utf-8")
    (folder / f"{name}.calibration.json").write_text(
        calibration_to_json(calibration), encoding="utf-8"
    )
    card = {
        "name": name,
        "backbone": "efficientnet-lite0",
        "weights_sha256": file_sha256(weights),
        "network_sha256": file_sha256(network),
        "head_sha256": model.head().sha256,
        "preprocessing": PREPROCESSING,
        "mirror_averaging": True,
        "bf16_moves_points_by": BF16_MOVES.get(name),
        "scales": SCALES,
        "metrics": metrics,
        "training": training,
    }
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def as_coverage(ranges: Sequence[CoveredOnHalves]) -> list[dict[str, float]]:
    """Return the coverage of intervals by range of predicted scores, for the model's card."""
    return [
        {
            "low": covered.low,
            "high": covered.high,
            "images": round(covered.images, 1),
            "share": round(covered.share.mean, 3),
            "share_sd": round(covered.share.sd, 3),
            "width": round(covered.width.mean, 2),
        }
        for covered in ranges
    ]


def as_numbers(accuracy: Accuracy) -> dict[str, float]:
    """Round an accuracy for the model's card, to four decimals."""
    return {name: round(value, 4) for name, value in asdict(accuracy).items()}
