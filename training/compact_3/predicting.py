"""Let networks predict films as scoring cuts them out, and after each alteration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load
from torch import Tensor, nn
from torch.nn import functional

from severity.models.architectures.efficientnet_lite import FEATURES
from severity.models.architectures.lung_framing import framed, frames_of
from severity.models.architectures.lung_maps import BundledFeatures
from severity.models.bundled_cards import bundled_file
from training.compact_3.alterations import ALTERATIONS, altered
from training.compact_3.lessons import Canvases
from training.compact_3.network import Seen, SeverityNetwork, lungs_of
from training.compact_3.views import MAP_SIDE, Views, framed_masks, plain_views, within_squares
from training.protocol import EXTENT_MAXIMUM, OPACITY_MAXIMUM

_AT_ONCE = 64
_HALF = 0.5
_MIRRORED_MAPS = [1, 0, 2, 3]

Places = NDArray[np.intp]
Points = Callable[[Tensor], Tensor]
"""Maps images of shape (N, 1, 224, 224) to extent and opacity, shares of their scales (N, 2)."""


class ScoredPoints(nn.Module):
    """A network in training, as it will score: the mean of the image and its mirror image.

    One that is framed looks at the mirror image of the lungs alone.
    """

    def __init__(self, network: SeverityNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return extent and opacity of shape (N, 2)."""
        whole: Seen = self.network(images)
        lungs = lungs_of(whole.maps)
        closer = framed(images, frames_of(lungs)) if self.network.framed else images
        mirrored: Seen = self.network(closer.flip(-1))
        return (whole.points + mirrored.points) / 2


class BundledPoints(nn.Module):
    """A bundled model, its points as shares of their scales."""

    def __init__(self, name: str) -> None:
        super().__init__()
        stored = load(bundled_file(name, "safetensors").read_bytes())
        tensors: Mapping[str, Tensor] = {key: torch.tensor(part) for key, part in stored.items()}
        self.network = BundledFeatures(tensors)
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
        views = _scored_views(network, films, rows)
        looks = [_look_at_mirror(network(views.images.flip(-1)))]
        if not network.framed:  # else only the mirror image is drawn of a frame
            looks.append(_look(network(views.images)))
        sides, shares, evidence = (
            torch.stack(parts).mean(dim=0) for parts in zip(*looks, strict=True)
        )
        known = films.labels.known[rows] == 1
        masks = (views.masks > _HALF).float()
        dice = torch.where(known, _overlap((shares > _HALF).float(), masks), torch.nan)
        located = torch.where(known[:, [2, 0]], _located(shares[:, 2], evidence, masks), torch.nan)
        parts.append((sides, dice, located))
    return Maps(*(torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True)))


def _scored_views(network: SeverityNetwork, films: Canvases, rows: Tensor) -> Views:
    """Return what of the films is scored, and their masks likewise."""
    views = plain_views(films.pixels[rows], films.masks[rows])
    if not network.framed:
        return views
    frames = network.frames(views.images)
    masks = framed_masks(films.masks[rows], within_squares(frames))
    return Views(framed(views.images, frames), masks, views.mirrored)


def _look(seen: Seen) -> tuple[Tensor, Tensor, Tensor]:
    """Return the lungs' extents, the maps, and the evidence of extent, shape (N, 56, 56)."""
    fine = functional.interpolate(
        seen.evidence[:, :1].clamp_min(0), size=MAP_SIDE, mode="bilinear", align_corners=False
    )[:, 0]
    # What is averaged over lungs lies in them.
    evidence = fine if seen.weights is None else fine * lungs_of(seen.maps).amax(dim=1)
    return seen.sides(), seen.maps.sigmoid(), evidence


def _look_at_mirror(seen: Seen) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same of a mirror image, as if it were none."""
    sides, maps, evidence = _look(seen)
    return sides.flip(1), maps[:, _MIRRORED_MAPS].flip(-1), evidence.flip(-1)


def _overlap(drawn: Tensor, masks: Tensor) -> Tensor:
    """Return the Dice coefficient of each map; not a number where both are empty."""
    both = 2 * (drawn * masks).sum(dim=(2, 3))
    return both / (drawn.sum(dim=(2, 3)) + masks.sum(dim=(2, 3)))


def _located(opacity: Tensor, evidence: Tensor, masks: Tensor) -> Tensor:
    """Return whether the peak is inside the opacities, and the evidence inside the lungs."""
    inside = masks[:, 2].flatten(1).gather(1, opacity.flatten(1).argmax(dim=1, keepdim=True))
    inside = torch.where(masks[:, 2].flatten(1).sum(dim=1, keepdim=True) > 0, inside, torch.nan)
    lungs = masks[:, :2].amax(dim=1)
    share = (evidence * lungs).sum(dim=(1, 2)) / evidence.sum(dim=(1, 2)).clamp_min(1e-6)
    return torch.cat([inside, share[:, None]], dim=1)
