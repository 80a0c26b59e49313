"""The network as it is trained: scores as means of maps of evidence, and maps of what it sees.

The extent is the mean over the image of an evidence map, so that a linear layer on the averaged
features computes it, as in every bundled model, and the map shows where it comes from. The lungs
that the decoder draws divide the map between right and left.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from severity.models.architectures.efficientnet_lite import FEATURES, EfficientNetLite0
from severity.models.architectures.lung_framing import by_lung, frames_of, lung_weights
from severity.models.architectures.lung_maps import TAPS, Decoder
from training.compact_3.packing import QUESTIONS

MAPS = 4
"""Right lung, left lung, opacity, both lungs (as V7 drew them)."""
DROPPED = 0.2
"""Share of the features that are left out of a step."""


@dataclass(frozen=True)
class Seen:
    """What the network answers on N views.

    Attributes
    ----------
    evidence
        Shape (N, 2, 7, 7): extent and opacity, whose weighted means are shares of their scales.
    weights
        By what cells count for the right and the left lung, shape (N, 2, 7, 7); the sums are 1.
        None where both scores are plain means.
    questions
        Logits, shape (N, QUESTIONS).
    maps
        Logits, shape (N, MAPS, 56, 56).
    """

    evidence: Tensor
    questions: Tensor
    maps: Tensor
    weights: Tensor | None = None

    @property
    def points(self) -> Tensor:
        """Extent and opacity as shares of their scales, shape (N, 2)."""
        if self.weights is None:
            return self.evidence.mean(dim=(2, 3))
        return by_lung(self.evidence, self.weights).mean(dim=1)

    def halves(self) -> tuple["Seen", "Seen"]:
        """Divide the answers on two equal batches that were joined."""
        first, second = zip(
            *(
                (None, None) if part is None else part.chunk(2)
                for part in (self.evidence, self.questions, self.maps, self.weights)
            ),
            strict=True,
        )
        return Seen(*first), Seen(*second)

    def sides(self) -> Tensor:
        """Extent of the right and of the left lung, shares of the whole scale, shape (N, 2)."""
        if self.weights is not None:
            return by_lung(self.evidence[:, :1], self.weights)[:, :, 0] / 2
        evidence = self.evidence[:, 0]
        side = evidence.shape[-1]
        lungs = functional.adaptive_avg_pool2d(lungs_of(self.maps), side)
        halves = torch.linspace(1, 0, side, device=evidence.device).expand(len(lungs), side, side)
        right = (lungs[:, 0] + 0.05 * halves) / (lungs.sum(dim=1) + 0.05)
        shares = torch.stack([right, 1 - right], dim=1)
        return (shares * evidence[:, None]).mean(dim=(2, 3))


class SeverityNetwork(nn.Module):
    """EfficientNet-Lite0 with its evidence, its answers to questions, and its maps."""

    def __init__(
        self,
        backbone: EfficientNetLite0,
        *,
        dropped: float = DROPPED,
        pooled: bool = False,
        framed: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooled, self.framed = pooled, framed
        self.dropout = nn.Dropout2d(dropped)
        self.evidence = nn.Conv2d(FEATURES, 2, 1)
        self.questions = nn.Linear(FEATURES, QUESTIONS)
        self.decoder = Decoder(MAPS)
        nn.init.zeros_(self.evidence.weight)
        self.evidence.bias = nn.Parameter(torch.full((2,), 0.3))

    def forward(self, images: Tensor) -> Seen:
        """Answer on images of shape (N, 1, 224, 224) on [-1024, 1024]."""
        top, taps = self.backbone.top_and_taps(images, TAPS)
        features = self.dropout(top)
        maps = self.decoder(taps).float()
        return Seen(
            evidence=self.evidence(features).float(),
            questions=self.questions(features.mean(dim=(2, 3))).float(),
            maps=maps,
            weights=lung_weights(lungs_of(maps), top.shape[-1]) if self.pooled else None,
        )

    def frames(self, images: Tensor) -> Tensor:
        """Return the frames around the lungs that the network draws, shape (N, 4)."""
        return frames_of(lungs_of(self(images).maps))


def lungs_of(maps: Tensor) -> Tensor:
    """Return the probabilities of both lungs from logits of maps; no gradient goes through."""
    return maps[:, :2].detach().sigmoid()
