"""A model version that is loaded and ready to score."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from severity.domain import ModelVersion, Score


@dataclass(frozen=True)
class ScoringModel:
    """A network, the version that its scores carry, and where it runs.

    ``network`` maps (N, 1, 224, 224) on [-1024, 1024] to (N, 2) points before clipping:
    geographic extent, opacity.
    """

    version: ModelVersion
    network: nn.Module
    device: torch.device

    def score(self, inputs: NDArray[np.float32]) -> list[Score]:
        """Score a batch.

        Parameters
        ----------
        inputs
            Shape (N, 224, 224) as from `severity.preprocessing.to_model_input`.

        Returns
        -------
        N scores in the order of ``inputs``; each is what the image would get alone.
        """
        images = torch.from_numpy(inputs).unsqueeze(1).to(self.device)
        with torch.inference_mode():
            points = self.network(images).float().cpu().numpy()
        return [self._to_score(float(extent), float(opacity)) for extent, opacity in points]

    def _to_score(self, extent: float, opacity: float) -> Score:
        return Score(
            geographic_extent=self.version.geographic_extent.clip(extent),
            opacity=self.version.opacity.clip(opacity),
            geographic_extent_raw=extent,
            opacity_raw=opacity,
        )


def ready(network: nn.Module, device: torch.device) -> nn.Module:
    """Put a network into inference mode on its device."""
    network.requires_grad_(requires_grad=False)
    return network.eval().to(device)
