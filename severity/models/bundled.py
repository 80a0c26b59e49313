"""The bundled models: small networks whose weights come with the package."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from severity.domain import Scale
from severity.errors import WrongWeights
from severity.heads.head import Head, HeadInput, Layer
from severity.heads.lungs import Division
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
from severity.models.network import network_from_json
from severity.models.scoring_model import Placement, ScoringModel, placed
from severity.reliability.calibration import Calibration

_BACKBONE = "efficientnet-lite0"

_Tensors = Mapping[str, NDArray[np.float32]]
"""The arrays of a model's file, by name."""


def load_bundled(name: str, placement: Placement) -> ScoringModel:
    """Load one of `severity.models.bundled_cards.BUNDLED`.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package, or it is not meant for this precision.
    WrongWeights
        The installed weights are not the ones that its card names, or need images prepared
        in another way.
    """
    check_precision(name, placement.precision)
    tensors, sha256 = bundled_tensors(name), bundled_card(name)["weights_sha256"]
    head = head_of(tensors, name=name, scales=bundled_card(name)["scales"])
    model = placed(sha256, _backbone(name, tensors), head, placement, bundled_calibration(name))
    triage = triage_of(tensors, features=head.inputs)
    return replace(model, triage=triage, division=Division.of(tensors))


def load_on_bundled(
    head: Head, placement: Placement, *, sha256: str, calibration: Calibration | None = None
) -> ScoringModel:
    """Load the backbone of a bundled model under another head, whose ``backbone`` it is.

    Parameters
    ----------
    sha256
        The hash of the weights that the head was fitted on.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package, or it is not meant for this precision.
    WrongWeights
        The package has other weights, or the head needs an output that this backbone lacks.
    """
    check_precision(head.backbone, placement.precision)
    check_weights(head.backbone, sha256)
    backbone, actual = load_bundled_backbone(head.backbone)
    if widths(head.backbone).get(head.takes) != head.inputs:
        raise WrongWeights(
            f"{head.name} needs {head.inputs} {head.takes}, which {head.backbone} does not have"
        )
    return placed(actual, backbone, head, placement, calibration)


def load_bundled_backbone(name: str) -> tuple[Backbone, str]:
    """Load the backbone of a bundled model and the SHA-256 of its weights, without a head.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package.
    WrongWeights
        As `load_bundled`.
    """
    backbone = _backbone(name, bundled_tensors(name)).for_heads()
    return backbone, bundled_card(name)["weights_sha256"]


def bundled_tensors(name: str) -> dict[str, NDArray[np.float32]]:
    """Read the weights of a bundled model: of its backbone, its head and its triage.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package.
    WrongWeights
        As `load_bundled`.
    """
    preprocessing = bundled_card(name)["preprocessing"]
    if preprocessing != PREPROCESSING:
        raise WrongWeights(f"{name} was made for preprocessing {preprocessing}")
    return load(_checked(name, "safetensors", hash_name="weights_sha256"))


def _backbone(name: str, tensors: _Tensors) -> Backbone:
    network = network_from_json(_checked(name, "network.json", hash_name="network_sha256"))
    parts = ("head.", "triage.", "zones.")
    return Backbone(network, {k: v for k, v in tensors.items() if not k.startswith(parts)})


def _checked(name: str, ending: str, *, hash_name: str) -> bytes:
    """Read a model's file and check its hash against the one that its card names."""
    content, expected = bundled_file(name, ending).read_bytes(), bundled_card(name)[hash_name]
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise WrongWeights(
            f"{name}.{ending} has SHA-256 {actual}, not {expected}: reinstall the package"
        )
    return content


def head_of(tensors: _Tensors, *, name: str, scales: Mapping[str, tuple[float, float]]) -> Head:
    """Build a head from ``head.weight`` (2, 1280) and ``head.bias`` (2,): extent, opacity."""
    weight, bias = (tensors[f"head.{part}"] for part in ("weight", "bias"))
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


def triage_of(tensors: _Tensors, *, features: int) -> Triage | None:
    """Build a model's triage from ``triage.weight`` (3, features) and ``triage.bias`` (3,), if any.

    Raises
    ------
    WrongWeights
        The tensors have other shapes.
    """
    triage = Triage.of(tensors)
    if triage is not None and triage.inputs != features:
        raise WrongWeights(f"triage needs {triage.inputs} features, the backbone has {features}")
    return triage
