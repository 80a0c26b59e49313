"""The bundled models: small networks whose weights come with the package."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from safetensors.torch import load
from torch import Tensor

from severity.domain import Scale
from severity.errors import WrongWeights
from severity.heads.head import Head, HeadInput, Layer
from severity.heads.triage import Triage
from severity.images.preprocessing import PREPROCESSING
from severity.models.backbone import Backbone
from severity.models.backbone_catalogue import widths
from severity.models.bundled_cards import (
    bundled_calibration,
    bundled_card,
    bundled_file,
    check_precision,
    check_weights,
)
from severity.models.efficientnet_lite import EfficientNetLite0
from severity.models.scoring_model import Placement, ScoringModel, placed
from severity.reliability.calibration import Calibration

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
        from severity.models.openvino_graph import lowered, mean_of, mirrored  # noqa: PLC0415

        direct, flipped = (lowered(self.backbone, node) for node in (images, mirrored(images)))
        return (mean_of(direct, flipped),)


def load_bundled(name: str, placement: Placement) -> ScoringModel:
    """Load one of `severity.models.bundled_cards.BUNDLED`.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package, or it is not meant for this precision.
    WrongWeights
        The installed weights are not the ones that its card names, or want images prepared
        in another way.
    """
    check_precision(name, placement.precision)
    tensors, sha256 = _tensors(name)
    head = head_of(tensors, name=name, scales=bundled_card(name)["scales"])
    model = placed(sha256, backbone_of(tensors), head, placement, bundled_calibration(name))
    return replace(model, triage=triage_of(tensors, features=head.inputs))


def load_on_bundled(
    head: Head, placement: Placement, *, sha256: str, calibration: Calibration | None = None
) -> ScoringModel:
    """Load the backbone of a bundled model under another head, which names it.

    Parameters
    ----------
    sha256
        Of the weights that the head was fitted on.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package, or it is not meant for this precision.
    WrongWeights
        The package has other weights, or the head takes what this backbone does not give.
    """
    check_precision(head.backbone, placement.precision)
    check_weights(head.backbone, sha256)
    backbone, actual = load_backbone(head.backbone)
    if widths(head.backbone).get(head.takes) != head.inputs:
        raise WrongWeights(
            f"{head.name} takes {head.inputs} {head.takes}, which {head.backbone} does not give"
        )
    return placed(actual, backbone, head, placement, calibration)


def load_backbone(name: str) -> tuple[MirrorAveraged, str]:
    """Load the backbone of a bundled model without a head; also the SHA-256 of its weights.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package.
    WrongWeights
        As `load_bundled`.
    """
    tensors, sha256 = _tensors(name)
    return backbone_of(tensors), sha256


def _tensors(name: str) -> tuple[dict[str, Tensor], str]:
    """Read a model's file whose hash is the one that its card names."""
    card = bundled_card(name)
    content = bundled_file(name, "safetensors").read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != card["weights_sha256"]:
        raise WrongWeights(
            f"the weights of {name} have SHA-256 {actual}, not {card['weights_sha256']}: "
            "reinstall the package"
        )
    if card["preprocessing"] != PREPROCESSING:
        raise WrongWeights(f"{name} was made for preprocessing {card['preprocessing']}")
    return load(content), actual


def backbone_of(tensors: Mapping[str, Tensor]) -> MirrorAveraged:
    """Make a backbone of the tensors of a bundled model's file."""
    backbone = MirrorAveraged()
    heads = ("head.", "triage.")
    weights = {key: value for key, value in tensors.items() if not key.startswith(heads)}
    # Counters of the training, which inference never reads, are not stored.
    backbone.load_state_dict(weights | _counters(backbone))
    return backbone


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
