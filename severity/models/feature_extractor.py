"""A backbone that runs without a head: what heads are fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from severity.heads.head import Head, HeadInput
from severity.images.grey_image import GreyImage
from severity.models.backbone import Backbone, Precision
from severity.models.runtime import ModelInput, Runtime
from severity.models.scoring_model import Placement, ScoringModel, runtime_for


@dataclass(frozen=True)
class FeatureExtractor:
    """A backbone by the name that heads know it by, its weights' hash, and where it runs.

    In fp32, so that what is fitted does not rest on a device's shorter arithmetic.
    """

    name: str
    weights_sha256: str
    backbone: Backbone
    runtime: Runtime

    @classmethod
    def placed(
        cls, name: str, weights_sha256: str, backbone: Backbone, placement: Placement
    ) -> "FeatureExtractor":
        """Make a backbone ready where it is to run.

        Raises
        ------
        ModelUnavailable
            The device has not the arithmetic that is asked for.
        """
        in_fp32 = replace(placement, precision=Precision.FP32)
        return cls(name, weights_sha256, backbone, runtime_for(backbone, in_fp32))

    @property
    def streams(self) -> int:
        """How many batches may usefully be in it at the same time."""
        return self.runtime.streams

    def prepare(self, grey: GreyImage) -> ModelInput:
        """Bring a decoded image to the network's input, as for scoring."""
        return self.runtime.prepare(grey)

    def under(self, head: Head) -> ScoringModel:
        """Return the model that a head makes of it, which must take what it gives."""
        version = head.version(weights_sha256=self.weights_sha256, precision=Precision.FP32)
        return ScoringModel(version, self.backbone, head, self.runtime)

    def outputs(self, inputs: Sequence[ModelInput]) -> dict[HeadInput, NDArray[np.float32]]:
        """Return what the backbone gives for a batch, shape (N, width) each."""
        return dict(zip(self.backbone.gives, self.runtime.run(inputs), strict=True))
