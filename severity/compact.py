"""The bundled models: small networks whose weights come with the package."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from safetensors.torch import load
from torch import Tensor

from severity.bundled import (
    bundled_calibration,
    bundled_card,
    bundled_file,
    check_precision,
)
from severity.domain import Scale
from severity.efficientnet_lite import EfficientNetLite0
from severity.errors import WrongWeights
from severity.heads import Head, HeadInput, Layer
from severity.models import Placement, ScoringModel, placed
from severity.networks import Backbone
from severity.preprocessing import PREPROCESSING
from severity.triage import Triage

if TYPE_CHECKING:
    from openvino import Node

_BACKBONE = "efficientnet-lite0"


class MirrorAveraged(Backbone):
    """EfficientNet-Lite0 on the image and on its mirror image, features averaged.

    Pneumonia has no preferred side.
    """

    gives = (HeadInput.FEATURES,)

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map (N, 1, 224, 224) on [-1024, 1024] to (N, 1280) features."""
        return ((self.backbone(images) + self.backbone(images.flip(-1))) / 2,)

    def in_openvino(self, images: "Node") -> tuple["Node", ...]:
        """Append the same to a graph."""
        from severity.openvino_graph import lowered, mean_of, mirrored  # noqa: PLC0415

        direct, flipped = (lowered(self.backbone, node) for node in (images, mirrored(images)))
        return (mean_of(direct, flipped),)


def load_bundled(name: str, placement: Placement) -> ScoringModel:
    """Load one of `severity.bundled.BUNDLED`.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package, or it is not meant for this precision.
    WrongWeights
        The installed weights are not the ones that its card names, or want images prepared
        in another way.
    """
    card = bundled_card(name)
    check_precision(name, placement.precision)
    content = bundled_file(name, "safetensors").read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != card["weights_sha256"]:
        raise WrongWeights(
            f"the weights of {name} have SHA-256 {actual}, not {card['weights_sha256']}: "
            "reinstall the package"
        )
    if card["preprocessing"] != PREPROCESSING:
        raise WrongWeights(f"{name} was made for preprocessing {card['preprocessing']}")
    tensors = load(content)
    head = head_of(tensors, name=name, scales=card["scales"])
    backbone = MirrorAveraged()
    heads = ("head.", "triage.")
    weights = {key: value for key, value in tensors.items() if not key.startswith(heads)}
    # Counters of the training, which inference never reads, are not stored.
    backbone.load_state_dict(weights | _counters(backbone))
    model = placed(actual, backbone, head, placement, bundled_calibration(name))
    return replace(model, triage=triage_of(tensors, features=head.inputs))


def head_of(
    tensors: dict[str, Tensor], *, name: str, scales: Mapping[str, tuple[float, float]]
) -> Head:
    """Make a head of ``head.weight`` (2, 1280) and ``head.bias`` (2,): extent, opacity."""
    weight, bias = (tensors[f"head.{part}"].float().numpy() for part in ("weight", "bias"))
    extent, opacity = (
        (Layer(np.ascontiguousarray(row[:, None]), np.atleast_1d(offset)),)
        for row, offset in zip(weight, bias, strict=True)
    )
    return Head(
        name=name,
        backbone=_BACKBONE,
        takes=HeadInput.FEATURES,
        layers=(extent, opacity),
        geographic_extent=Scale(*scales["geographic_extent"]),
        opacity=Scale(*scales["opacity"]),
    )


def triage_of(tensors: Mapping[str, Tensor], *, features: int) -> Triage | None:
    """Make a model's triage of ``triage.weight`` (3, features) and ``triage.bias`` (3,), if any.

    Raises
    ------
    WrongWeights
        The tensors have other shapes.
    """
    parts = {k: v.float().numpy() for k, v in tensors.items() if k.startswith("triage.")}
    triage = Triage.of(parts)
    if triage is not None and triage.inputs != features:
        raise WrongWeights(f"triage takes {triage.inputs} features, the backbone has {features}")
    return triage


def _counters(backbone: MirrorAveraged) -> dict[str, Tensor]:
    return {k: v for k, v in backbone.state_dict().items() if k.endswith("num_batches_tracked")}
