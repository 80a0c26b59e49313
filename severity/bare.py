"""A backbone that runs without a head: what heads are fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from severity.grey import GreyImage
from severity.heads import HeadInput
from severity.models import Placement, runtime_for
from severity.networks import Backbone
from severity.runtime import ModelInput, Runtime


@dataclass(frozen=True)
class BareBackbone:
    """A backbone by the name that heads know it by, its weights' hash, and where it runs."""

    name: str
    weights_sha256: str
    backbone: Backbone
    runtime: Runtime

    @classmethod
    def placed(
        cls, name: str, weights_sha256: str, backbone: Backbone, placement: Placement
    ) -> "BareBackbone":
        """Make a backbone ready where it is to run.

        Raises
        ------
        ModelUnavailable
            The device has not the arithmetic that is asked for.
        """
        return cls(name, weights_sha256, backbone, runtime_for(backbone, placement))

    @property
    def lanes(self) -> int:
        """How many batches may usefully be in it at the same time."""
        return self.runtime.lanes

    def prepare(self, grey: GreyImage) -> ModelInput:
        """Bring a decoded image to the network's input, as for scoring."""
        return self.runtime.prepare(grey)

    def outputs(self, inputs: Sequence[ModelInput]) -> dict[HeadInput, NDArray[np.float32]]:
        """Return what the backbone gives for a batch, shape (N, width) each."""
        return dict(zip(self.backbone.gives, self.runtime.run(inputs), strict=True))
