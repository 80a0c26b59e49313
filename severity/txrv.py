"""The published model ``txrv-cidc-v1``: torchxrayvision's DenseNet-121 with a linear head.

Importing this loads torchxrayvision, which takes seconds: only who uses this model should.
"""

import hashlib
import io
import json
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.serialization import SourceChangeWarning

from severity.domain import ModelVersion, Scale
from severity.errors import ModelUnavailable, WrongWeights
from severity.models import ScoringModel, ready
from severity.preprocessing import PREPROCESSING

with warnings.catch_warnings():
    # torchxrayvision silences every warning of the whole process when it is imported.
    from torchxrayvision.models import DenseNet, model_urls

NAME = "txrv-cidc-v1"

_PATHOLOGY = "Lung Opacity"
_LABELS: list[str] = model_urls["densenet121-res224-all"]["labels"]
# Geographic extent, opacity: Cohen et al. 2020, arXiv:2005.11856, as in the authors' code.
_SLOPES = (0.8705248236656189, 0.5484423041343689)
_INTERCEPTS = (3.4137437, 2.5535977)
_GEOGRAPHIC_EXTENT = Scale(0, 8)
_OPACITY = Scale(0, 6)

# What torch was seen to raise on files that are not whole, or name classes unknown here.
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


@dataclass(frozen=True)
class PublishedFile:
    """A file that others publish: its name, where it is, and what it must contain."""

    name: str
    url: str
    sha256: str


PUBLISHED_WEIGHTS = PublishedFile(
    name=(
        "nih-pc-chex-mimic_ch-google-openi-kaggle-densenet121-d121-tw-lr001-rot45-tr15-sc15-"
        "seed0-best.pt"
    ),
    url=model_urls["densenet121-res224-all"]["weights_url"],
    # Its authors publish no checksum. This one is reported by third parties who downloaded the
    # file (several public repositories agree); it was not verified by this project.
    sha256="56524913dd16a906422e8d8b66a7a5c46be1d82eb7ac012d8103776f1aa68899",
)


class LinearOnLungOpacity(nn.Module):
    """Geographic extent and opacity as two linear functions of one raw logit.

    Both scores say the same before clipping: they are affine in one number.

    Parameters
    ----------
    backbone
        Maps (N, 1, 224, 224) on [-1024, 1024] to (N, 18) raw logits, in the order of
        torchxrayvision's ``densenet121-res224-all``: no sigmoid, no operating points.

    References
    ----------
    * Cohen et al. 2020, "Predicting COVID-19 Pneumonia Severity on Chest X-ray With Deep
      Learning", arXiv:2005.11856: the numbers, which their code applies to the first image
      of a batch only.
    """

    slopes: Tensor
    intercepts: Tensor

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("slopes", torch.tensor(_SLOPES))
        self.register_buffer("intercepts", torch.tensor(_INTERCEPTS))

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, 224, 224) to (N, 2) points before clipping: extent, opacity."""
        logits: Tensor = self.backbone(images)
        lung_opacity = logits[:, _LABELS.index(_PATHOLOGY), None]
        return lung_opacity * self.slopes + self.intercepts


def load_published(content: bytes, *, sha256: str, device: torch.device) -> ScoringModel:
    """Load ``txrv-cidc-v1`` from the published file.

    Parameters
    ----------
    content
        The file: a pickled module. Unpickling runs what the file says, so nothing of it is
        looked at before its hash is known to be right.
    sha256
        What its SHA-256 must be, 64 lowercase hexadecimal digits.
    device
        Where the model runs.

    Raises
    ------
    WrongWeights
        The hash is another one, or the file holds another network.
    ModelUnavailable
        The file cannot be unpickled in this environment.

    References
    ----------
    * torchxrayvision, ``models.DenseNet.__init__``, which loads it in the same way, unchecked.
    """
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise WrongWeights(f"the weights of {NAME} have SHA-256 {actual}, not {sha256}")
    backbone = DenseNet(num_classes=len(_LABELS))
    published = _unpickle(content).state_dict()
    _require_fit(backbone.state_dict(), published)
    backbone.load_state_dict(published)
    network = LinearOnLungOpacity(backbone)
    return ScoringModel(_version(sha256), ready(network, device), device)


def _unpickle(content: bytes) -> nn.Module:
    """Unpickle a file whose hash was checked."""
    try:
        with warnings.catch_warnings():
            # Files of that age carry their classes' source; of this one only tensors are used.
            warnings.simplefilter("ignore", SourceChangeWarning)
            # A pickle is what is published. Allowed only because its hash is the right one.
            module = torch.load(io.BytesIO(content), map_location="cpu", weights_only=False)
    except _UNREADABLE as error:
        raise ModelUnavailable(
            f"the weights of {NAME} have the right SHA-256, but cannot be unpickled here: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(module, nn.Module):
        raise WrongWeights(
            f"the weights of {NAME} must be a pickled torch.nn.Module, not {type(module).__name__}"
        )
    return module


def _require_fit(own: Mapping[str, Tensor], published: Mapping[str, Tensor]) -> None:
    """Raise WrongWeights unless both have the same tensors, by name and shape."""
    ours, theirs = _shapes(own), _shapes(published)
    misfits = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
    if misfits:
        first = misfits[0]
        raise WrongWeights(
            f"{len(misfits)} tensors of the weights of {NAME} do not fit its DenseNet-121; "
            f"{first} has shape {theirs.get(first)}, not {ours.get(first)}"
        )


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _version(weights_sha256: str) -> ModelVersion:
    return ModelVersion(
        name=NAME,
        weights_sha256=weights_sha256,
        head_sha256=_head_sha256(),
        preprocessing=PREPROCESSING,
        precision="fp32",
        geographic_extent=_GEOGRAPHIC_EXTENT,
        opacity=_OPACITY,
    )


def _head_sha256() -> str:
    """Hash everything that the head adds to the backbone."""
    head = {
        "pathology": _PATHOLOGY,
        "column": _LABELS.index(_PATHOLOGY),
        "slopes": _SLOPES,
        "intercepts": _INTERCEPTS,
    }
    return hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()
