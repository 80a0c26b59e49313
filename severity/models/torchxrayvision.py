"""torchxrayvision's DenseNet-121 as a backbone, from its published files.

Importing this loads torchxrayvision, which takes seconds: import it only to use such a model.
"""

import hashlib
import io
import pickle
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.serialization import SourceChangeWarning

from severity.errors import ModelUnavailable, WrongWeights
from severity.heads.head import Head, HeadInput
from severity.models.architectures.lowering import Lowering, in_sequence, lowered
from severity.models.backbone import Backbone
from severity.models.network import IMAGES, Concatenate, GlobalAverage, Relu
from severity.models.scoring_model import Placement, ScoringModel, placed
from severity.models.torchxrayvision_weights import WeightSet
from severity.reliability.calibration import Calibration

with warnings.catch_warnings():
    # torchxrayvision silences every warning of the whole process when it is imported.
    from torchxrayvision.models import DenseNet, _DenseLayer

# Exceptions that torch was seen to raise on files that are not whole, or name classes unknown here.
_UNREADABLE = (
    pickle.UnpicklingError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


def lowered_densenet(network: DenseNet, findings: tuple[str, ...]) -> Backbone:
    """Return a DenseNet-121 as plain values: pooled features, and raw logits.

    No sigmoid and no operating points are applied, which torchxrayvision does.

    Parameters
    ----------
    network
        torchxrayvision's module.
    findings
        The finding of each of its outputs, in their order; empty where there is none.
    """
    lowering = Lowering(network)
    maps = lowering.append(Relu(inputs=(lowered(network.features, lowering, IMAGES),)))
    features = lowering.append(GlobalAverage(inputs=(maps,)))
    logits = lowered(network.classifier, lowering, features)
    return lowering.backbone(
        {HeadInput.FEATURES: features, HeadInput.LOGITS: logits}, findings=findings
    )


@lowered.register
def _(module: _DenseLayer, lowering: Lowering, images: str) -> str:
    added = in_sequence(module, lowering, images)
    return lowering.append(Concatenate(inputs=(images, added)))


def load_published(  # noqa: PLR0913 - what a model is made of
    content: bytes,
    head: Head,
    weights: WeightSet,
    *,
    sha256: str,
    placement: Placement,
    calibration: Calibration | None = None,
) -> ScoringModel:
    """Load a published file of weights under a head.

    Parameters
    ----------
    content
        The file: a pickled module. Unpickling runs code that the file names, so it is not
        opened before its hash is known to be right.
    head
        Made for these weights.
    sha256
        What the file's SHA-256 must be, 64 lowercase hexadecimal digits.
    calibration
        Prediction intervals and measurement errors, where they were measured.

    Raises
    ------
    WrongWeights
        The hash is another one, the file holds another network, or the head is for another.
    ModelUnavailable
        The file cannot be unpickled in this environment, or the device cannot run it.

    References
    ----------
    * torchxrayvision, ``models.DenseNet.__init__``, which loads it in the same way, unchecked.
    """
    if head.backbone != weights.name:
        raise WrongWeights(f"{head.name} is a head for {head.backbone}, not for {weights.name}")
    backbone = load_published_backbone(content, weights, sha256=sha256)
    return placed(sha256, backbone, head, placement, calibration)


def load_published_backbone(content: bytes, weights: WeightSet, *, sha256: str) -> Backbone:
    """Load a published file of weights without a head; see `load_published`."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise WrongWeights(f"the weights {weights.name} have SHA-256 {actual}, not {sha256}")
    network = DenseNet(num_classes=len(weights.findings))
    published = _unpickle(content, weights.name).state_dict()
    _require_fit(network.state_dict(), published, weights.name)
    network.load_state_dict(published)
    return lowered_densenet(network, weights.findings)


def _unpickle(content: bytes, name: str) -> nn.Module:
    """Unpickle a file whose hash was checked."""
    try:
        with warnings.catch_warnings():
            # Files of that age carry their classes' source; of this one only tensors are used.
            warnings.simplefilter("ignore", SourceChangeWarning)
            # A pickle is what is published. Allowed only because its hash is the right one.
            module = torch.load(io.BytesIO(content), map_location="cpu", weights_only=False)
    except _UNREADABLE as error:
        raise ModelUnavailable(
            f"the weights {name} have the right SHA-256, but cannot be unpickled here: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(module, nn.Module):
        raise WrongWeights(
            f"the weights {name} must be a pickled torch.nn.Module, not {type(module).__name__}"
        )
    return module


def _require_fit(
    expected: Mapping[str, Tensor], published: Mapping[str, Tensor], name: str
) -> None:
    """Raise WrongWeights unless both have the same tensors, by name and shape."""
    expected_shapes, published_shapes = _shapes(expected), _shapes(published)
    misfits = [
        key
        for key in expected_shapes | published_shapes
        if expected_shapes.get(key) != published_shapes.get(key)
    ]
    if misfits:
        first = misfits[0]
        raise WrongWeights(
            f"{len(misfits)} tensors of the weights {name} do not fit a DenseNet-121; "
            f"{first} has shape {published_shapes.get(first)}, not {expected_shapes.get(first)}"
        )


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}
