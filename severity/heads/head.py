"""Heads: functions that turn a backbone's output into points."""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from severity.domain import ModelVersion, Scale
from severity.errors import WrongWeights
from severity.images.preprocessing import PREPROCESSING

NAME = re.compile(r"(?=.{1,40}$)[a-z0-9]+(?:-[a-z0-9]+)*")
"""A model's name: it stands in file names, version keys and tables."""


class HeadInput(StrEnum):
    """Which of a backbone's outputs a head is applied to."""

    FEATURES = "features"  # pooled over the image, after the last ReLU
    LOGITS = "logits"  # the classifier's raw output: no sigmoid, no operating points


@dataclass(frozen=True, eq=False)
class Layer:
    """One affine map, ``inputs @ weight + bias``. Keeps read-only float32 copies.

    ``weight`` has shape (inputs, outputs), ``bias`` has shape (outputs,).

    Raises
    ------
    WrongWeights
        The shapes do not fit each other, or a number is not finite in float32.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _frozen(self.weight))
        object.__setattr__(self, "bias", _frozen(self.bias))
        if self.weight.ndim != 2 or self.bias.ndim != 1:  # noqa: PLR2004
            raise WrongWeights(
                f"a layer needs weights (inputs, outputs) and a bias (outputs,), not "
                f"{self.weight.shape} and {self.bias.shape}"
            )
        if self.weight.size == 0 or self.weight.shape[1] != self.bias.size:
            raise WrongWeights(
                f"weights {self.weight.shape} and a bias {self.bias.shape} make no layer"
            )
        if not (np.isfinite(self.weight).all() and np.isfinite(self.bias).all()):
            raise WrongWeights("a layer holds numbers that are not finite in float32")

    @property
    def inputs(self) -> int:
        """The number of its inputs."""
        return len(self.weight)

    @property
    def outputs(self) -> int:
        """The number of its outputs."""
        return len(self.bias)


Chain = tuple[Layer, ...]
"""Layers with a ReLU between each two; none after the last."""


@dataclass(frozen=True, eq=False)
class Head:
    """A function from a backbone's output for each image to points before clipping.

    Parameters
    ----------
    name
        Of the model that this head makes of its backbone; see `NAME`.
    backbone
        The one it was fitted on, such as ``densenet121-res224-all``.
    takes
        Which of the backbone's outputs it is applied to.
    layers
        A `Chain` for geographic extent and one for opacity; a linear head is one layer each.
    geographic_extent, opacity
        The scales that the points are on.

    Raises
    ------
    WrongWeights
        The layers do not fit each other or do not end in one number, a scale is no range, or
        the name is not as described.
    """

    name: str
    backbone: str
    takes: HeadInput
    layers: tuple[Chain, Chain]
    geographic_extent: Scale
    opacity: Scale

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise WrongWeights(
                f"{self.name!r} is no name of a model: lowercase letters, digits and hyphens, "
                "40 at most, single hyphens inside"
            )
        for chain in self.layers:
            _check_chain(chain)
        extent, opacity = (chain[0].inputs for chain in self.layers)
        if extent != opacity:
            raise WrongWeights(f"geographic extent has {extent} inputs, opacity {opacity}")
        object.__setattr__(self, "geographic_extent", _checked(self.geographic_extent))
        object.__setattr__(self, "opacity", _checked(self.opacity))

    @property
    def inputs(self) -> int:
        """The number of the backbone's values that it needs for each image."""
        return self.layers[0][0].inputs

    @property
    def widths(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The widths from input to output, for each score: 1024, 1000, 1 for example."""
        extent, opacity = (
            (chain[0].inputs, *(layer.outputs for layer in chain)) for chain in self.layers
        )
        return extent, opacity

    def points(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute points, not clipped.

        Parameters
        ----------
        outputs
            Shape (N, inputs), the backbone's output for N images.

        Returns
        -------
        Shape (N, 2): geographic extent, opacity.

        Raises
        ------
        ValueError
            ``outputs`` has another shape.
        """
        if outputs.ndim != 2 or outputs.shape[1] != self.inputs:  # noqa: PLR2004
            raise ValueError(f"{self.name} needs (N, {self.inputs}), not {outputs.shape}")
        outputs = outputs.astype(np.float32, copy=False)
        return np.concatenate([apply_chain(chain, outputs) for chain in self.layers], axis=1)

    @property
    def sha256(self) -> str:
        """Hash of everything here that moves a score; the name does not."""
        content = hashlib.sha256(json.dumps(self._description, sort_keys=True).encode())
        for chain in self.layers:
            for layer in chain:
                # The byte order is fixed: the hash must be the same on every machine.
                content.update(layer.weight.astype("<f4").tobytes())
                content.update(layer.bias.astype("<f4").tobytes())
        return content.hexdigest()

    @property
    def _description(self) -> dict[str, object]:
        return {
            "backbone": self.backbone,
            "takes": self.takes.value,
            "widths": self.widths,
            "geographic_extent": [self.geographic_extent.lowest, self.geographic_extent.highest],
            "opacity": [self.opacity.lowest, self.opacity.highest],
        }

    def version(self, *, weights_sha256: str, precision: str) -> ModelVersion:
        """Return the model version that this head makes of a backbone's weights."""
        return ModelVersion(
            name=self.name,
            weights_sha256=weights_sha256,
            head_sha256=self.sha256,
            preprocessing=PREPROCESSING,
            precision=precision,
            geographic_extent=self.geographic_extent,
            opacity=self.opacity,
        )


def apply_chain(chain: Chain, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply layers to an array of shape (N, inputs); the result has shape (N, outputs)."""
    for layer in chain[:-1]:
        inputs = np.maximum(inputs @ layer.weight + layer.bias, 0)
    points: NDArray[np.float32] = inputs @ chain[-1].weight + chain[-1].bias
    return points


def _frozen(values: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # becomes infinite, and is refused as such
        copy = np.array(values, dtype=np.float32, order="C")
    copy.setflags(write=False)
    return copy


def _check_chain(chain: Chain) -> None:
    if not chain or chain[-1].outputs != 1:
        raise WrongWeights("the layers of a score must end in one number")
    for before, after in pairwise(chain):
        if before.outputs != after.inputs:
            raise WrongWeights(
                f"a layer of {before.outputs} outputs is followed by one of {after.inputs} inputs"
            )


def _checked(scale: Scale) -> Scale:
    if not (math.isfinite(scale.lowest) and math.isfinite(scale.highest)):
        raise WrongWeights("a scale must have finite ends")
    if scale.lowest >= scale.highest:
        raise WrongWeights(f"a scale cannot go from {scale.lowest:g} to {scale.highest:g}")
    # 8 and 8.0 are one number, but would make two model versions.
    return Scale(_plain(scale.lowest), _plain(scale.highest))


def _plain(number: float) -> float:
    return int(number) if float(number).is_integer() else float(number)
