"""The bundled models: small networks whose weights come with the package."""

import hashlib
import json
from importlib import resources

import torch
from safetensors.torch import load
from torch import Tensor, nn

from severity.domain import ModelVersion, Scale
from severity.efficientnet_lite import FEATURES, EfficientNetLite0
from severity.errors import ModelUnavailable, WrongWeights
from severity.models import ScoringModel, ready

BUNDLED = ("compact-1",)


class CompactNetwork(nn.Module):
    """EfficientNet-Lite0 with one linear head for each score.

    The features are those of the image and of its mirror image, averaged: pneumonia has no
    preferred side.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        self.head = nn.Linear(FEATURES, 2)

    def features(self, images: Tensor) -> Tensor:
        """Map (N, 1, 224, 224) on [-1024, 1024] to (N, 1280)."""
        mirrored: Tensor = self.backbone(images.flip(-1))
        direct: Tensor = self.backbone(images)
        return (direct + mirrored) / 2

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, 224, 224) on [-1024, 1024] to (N, 2) points: extent, opacity."""
        points: Tensor = self.head(self.features(images))
        return points


def load_bundled(name: str, *, device: torch.device) -> ScoringModel:
    """Load one of `BUNDLED`.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package.
    WrongWeights
        The installed weights are not the ones that its card names.
    """
    if name not in BUNDLED:
        raise ModelUnavailable(f"no bundled model {name!r}; there is {', '.join(BUNDLED)}")
    folder = resources.files("severity") / "weights"
    card = json.loads((folder / f"{name}.json").read_text())
    content = (folder / f"{name}.safetensors").read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != card["weights_sha256"]:
        raise WrongWeights(
            f"the weights of {name} have SHA-256 {actual}, not {card['weights_sha256']}: "
            "reinstall the package"
        )
    network = CompactNetwork()
    # Counters of the training, which inference never reads, are not stored.
    network.load_state_dict(load(content) | _counters(network))
    return ScoringModel(_version(card), ready(network, device), device)


def _counters(network: nn.Module) -> dict[str, Tensor]:
    return {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}


def _version(card: dict[str, object]) -> ModelVersion:
    scales = card["scales"]
    assert isinstance(scales, dict)  # noqa: S101
    return ModelVersion(
        name=str(card["name"]),
        weights_sha256=str(card["weights_sha256"]),
        head_sha256=str(card["head_sha256"]),
        preprocessing=str(card["preprocessing"]),
        precision="fp32",
        geographic_extent=Scale(*scales["geographic_extent"]),
        opacity=Scale(*scales["opacity"]),
    )
