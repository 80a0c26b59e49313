"""A network with its weights and without a head: images in, features and logits out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from severity.errors import WrongWeights
from severity.heads.head import HeadInput
from severity.models.network import Network, Output


class Precision(StrEnum):
    """Arithmetic of a network; part of a model version."""

    FP32 = "fp32"
    BF16 = "bf16"


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network and its weights as plain values; heads are applied to its outputs.

    Attributes
    ----------
    network
        The operations; a runtime runs them.
    tensors
        Its weights by name, float32.

    Raises
    ------
    WrongWeights
        The tensors are not those that the network needs.
    """

    network: Network
    tensors: Mapping[str, NDArray[np.float32]]

    def __post_init__(self) -> None:
        if misfits := sorted(self.tensors.keys() ^ self.network.tensors):
            raise WrongWeights(f"{len(misfits)} tensors are missing or too many: {misfits[0]}")
        kinds = {values.dtype.name for values in self.tensors.values()}
        if kinds - {"float32"}:
            raise WrongWeights(f"the weights are {', '.join(sorted(kinds))}, not float32")

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The kinds of its outputs, in their order."""
        return tuple(self.network.outputs)

    @property
    def findings(self) -> tuple[str, ...]:
        """The finding of each column of the logits; empty where there is none."""
        return self.network.findings

    def for_heads(self) -> "Backbone":
        """Return the part of this backbone whose outputs heads are applied to."""
        network = self.network.with_outputs([*HeadInput])
        return Backbone(network, {name: self.tensors[name] for name in network.tensors})
