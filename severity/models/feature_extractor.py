"""Feature extractor: a backbone that runs without a head; heads are fitted on its outputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from severity.heads.head import Head, HeadInput
from severity.images.grey_image import GreyImage
from severity.models.backbone import Backbone, Precision
from severity.models.runtimes.runtime import ModelInput, Runtime
from severity.models.scoring_model import Placement, ScoringModel, runtime_for


@dataclass(frozen=True)
class FeatureExtractor:
    """A backbone by the name that heads know it by, its weights' hash, and where it runs.

    It runs in fp32, so that no fitted head depends on a device's shorter arithmetic.
    """

    name: str
    weights_sha256: str
    backbone: Backbone
    runtime: Runtime

    @classmethod
    def placed(
        cls, name: str, weights_sha256: str, backbone: Backbone, placement: Placement
    ) -> "FeatureExtractor":
        """Load a backbone onto the device on which it is to run.

        Raises
        ------
        ModelUnavailable
            The device does not support the precision.
        """
        in_fp32 = replace(placement, precision=Precision.FP32)
        return cls(name, weights_sha256, backbone, runtime_for(backbone, in_fp32))

    @property
    def streams(self) -> int:
        """The number of batches that may usefully run at the same time."""
        return self.runtime.streams

    def prepare(self, grey: GreyImage) -> ModelInput:
        """Preprocess a decoded image into the network's input, as for scoring."""
        return self.runtime.prepare(grey)

    def under(self, head: Head) -> ScoringModel:
        """Attach a head. Its input must be one of this backbone's outputs."""
        version = head.version(weights_sha256=self.weights_sha256, precision=Precision.FP32)
        return ScoringModel(version, self.backbone, head, self.runtime)

    def outputs(self, inputs: Sequence[ModelInput]) -> dict[HeadInput, NDArray[np.float32]]:
        """Compute the backbone's outputs for a batch, shape (N, width) each."""
        outputs = zip(self.backbone.outputs, self.runtime.run(inputs), strict=True)
        return {kind: values for kind, values in outputs if isinstance(kind, HeadInput)}
