"""Let networks predict films as scoring cuts them out, and after each alteration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load
from torch import Tensor, nn
from torch.nn import functional

from severity.models.bundled_cards import bundled_file
from severity.models.efficientnet_lite import FEATURES, MirrorAveraged
from training.compact_3.alterations import ALTERATIONS, altered
from training.compact_3.lessons import Canvases
from training.compact_3.network import Seen, SeverityNetwork
from training.compact_3.views import plain_views
from training.protocol import EXTENT_MAXIMUM, OPACITY_MAXIMUM

_AT_ONCE = 64
_HALF = 0.5
_MIRRORED_MAPS = [1, 0, 2, 3]

Places = NDArray[np.intp]
Points = Callable[[Tensor], Tensor]
"""Maps images of shape (N, 1, 224, 224) to extent and opacity, shares of their scales (N, 2)."""


class MirrorPoints(nn.Module):
    """A network in training, as it will score: the mean of the image and its mirror image."""

    def __init__(self, network: SeverityNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return extent and opacity of shape (N, 2)."""
        direct: Seen = self.network(images)
        mirrored: Seen = self.network(images.flip(-1))
        return (direct.points + mirrored.points) / 2


class BundledPoints(nn.Module):
    """A bundled model, its points as shares of their scales."""

    def __init__(self, name: str) -> None:
        super().__init__()
        stored = load(bundled_file(name, "safetensors").read_bytes())
        tensors: Mapping[str, Tensor] = {key: torch.tensor(part) for key, part in stored.items()}
        self.network = MirrorAveraged.of(tensors)
        self.head = nn.Linear(FEATURES, 2)
        scales = torch.tensor([EXTENT_MAXIMUM, OPACITY_MAXIMUM])
        weight, bias = tensors["head.weight"], tensors["head.bias"]
        self.head.load_state_dict({"weight": weight / scales[:, None], "bias": bias / scales})

    def forward(self, images: Tensor) -> Tensor:
        """Return extent and opacity of shape (N, 2)."""
        points: Tensor = self.head(self.network(images))
        return points


@torch.inference_mode()
def points_of(
    network: Points, films: Canvases, places: Places, alteration: str = "none"
) -> NDArray[np.float32]:
    """Predict films after an alteration, shape (M, 2), shares of the scales."""
    parts = []
    for first in range(0, len(places), _AT_ONCE):
        rows = torch.from_numpy(places[first : first + _AT_ONCE]).to(films.pixels.device)
        views = plain_views(films.pixels[rows], films.masks[rows])
        parts.append(network(altered(views.images, alteration)))
    predicted: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return predicted


def altered_points(network: Points, films: Canvases, places: Places) -> NDArray[np.float32]:
    """Predict films after each alteration, shape (alterations, M, 2)."""
    return np.stack([points_of(network, films, places, name) for name in ALTERATIONS])


@dataclass(frozen=True)
class Maps:
    """How maps agree with masks, for N films; not a number where a mask is unknown.

    Attributes
    ----------
    sides
        Extent of the right and of the left lung, shares of the whole scale, shape (N, 2).
    dice
        Overlap of each map with its mask, shape (N, 4).
    located
        Whether the opacity map's peak lies inside an opacity, and the share of the evidence of
        extent that lies inside the lungs, shape (N, 2).
    """

    sides: NDArray[np.float32]
    dice: NDArray[np.float32]
    located: NDArray[np.float32]


@torch.inference_mode()
def maps_of(network: SeverityNetwork, films: Canvases, places: Places) -> Maps:
    """Compare what a network draws, with its mirror image, with the masks of films."""
    parts = []
    for first in range(0, len(places), _AT_ONCE):
        rows = torch.from_numpy(places[first : first + _AT_ONCE]).to(films.pixels.device)
        views = plain_views(films.pixels[rows], films.masks[rows])
        direct, mirrored = network(views.images), network(views.images.flip(-1))
        sides = (direct.sides() + mirrored.sides().flip(1)) / 2
        flipped = mirrored.maps.sigmoid()[:, _MIRRORED_MAPS].flip(-1)
        shares = (direct.maps.sigmoid() + flipped) / 2
        evidence = (direct.evidence[:, 0] + mirrored.evidence[:, 0].flip(-1)) / 2
        known = films.labels.known[rows] == 1
        masks = (views.masks > _HALF).float()
        dice = torch.where(known, _overlap((shares > _HALF).float(), masks), torch.nan)
        located = torch.where(known[:, [2, 0]], _located(shares[:, 2], evidence, masks), torch.nan)
        parts.append((sides, dice, located))
    return Maps(*(torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True)))


def _overlap(drawn: Tensor, masks: Tensor) -> Tensor:
    """Return the Dice coefficient of each map; not a number where both are empty."""
    both = 2 * (drawn * masks).sum(dim=(2, 3))
    return both / (drawn.sum(dim=(2, 3)) + masks.sum(dim=(2, 3)))


def _located(opacity: Tensor, evidence: Tensor, masks: Tensor) -> Tensor:
    """Return whether the peak is inside the opacities, and the evidence inside the lungs."""
    inside = masks[:, 2].flatten(1).gather(1, opacity.flatten(1).argmax(dim=1, keepdim=True))
    inside = torch.where(masks[:, 2].flatten(1).sum(dim=1, keepdim=True) > 0, inside, torch.nan)
    fine = functional.interpolate(
        evidence[:, None].clamp_min(0), size=masks.shape[-1], mode="bilinear", align_corners=False
    )[:, 0]
    lungs = masks[:, :2].amax(dim=1)
    share = (fine * lungs).sum(dim=(1, 2)) / fine.sum(dim=(1, 2)).clamp_min(1e-6)
    return torch.cat([inside, share[:, None]], dim=1)
