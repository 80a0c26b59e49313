"""Changes of how a film was taken or published, after which its score should be the same.

They are fixed, not random, and other than the random views of training: measured on films that a
network never saw, they say how far its scores move for no reason of the patient's.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from severity.images.preprocessing import MODEL_LIMIT
from training.compact_3.processing import (
    compressed,
    equalised,
    evened,
    lettered,
    multiscale,
    sharpened,
)
from training.compact_3.views import model_input

_WHITE, _BLACK = 1.0, 0.0


def _strength(views: Tensor, value: float) -> Tensor:
    return torch.full((len(views), 1, 1, 1), value, device=views.device)


def bordered(views: Tensor, share: float, colour: float) -> Tensor:
    """Shrink views into a border of this share of each side."""
    side = views.shape[-1]
    margin = round(side * share)
    small = functional.interpolate(
        views, size=side - 2 * margin, mode="bilinear", align_corners=False, antialias=True
    )
    return functional.pad(small, (margin,) * 4, value=colour)


def _cropped(views: Tensor, share: float) -> Tensor:
    side = views.shape[-1]
    margin = round(side * share)
    inner = views[..., margin : side - margin, margin : side - margin]
    return functional.interpolate(inner, size=side, mode="bilinear", align_corners=False)


def _rotated(views: Tensor, degrees: float) -> Tensor:
    angle = torch.deg2rad(torch.tensor(degrees))
    theta = torch.tensor([[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0]])
    grid = functional.affine_grid(
        theta.repeat(len(views), 1, 1).to(views.device), list(views.shape), align_corners=False
    )
    return functional.grid_sample(views, grid, align_corners=False)


def _barred(views: Tensor, share: float, colour: float) -> Tensor:
    """Cover the left and the right edge, as collimation does, or its inversion."""
    margin = round(views.shape[-1] * share)
    inner = views[..., margin:-margin]
    return functional.pad(inner, (margin, margin), value=colour)


def _written(views: Tensor) -> Tensor:
    generator = torch.Generator(views.device).manual_seed(0)
    return lettered(views, share=1.0, generator=generator)


def _half_size(views: Tensor) -> Tensor:
    small = functional.avg_pool2d(views, 2)
    return functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)


ALTERATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "none": lambda views: views,
    "CLAHE": lambda views: equalised(views, _strength(views, 3.0), tiles=8),
    "multiscale": lambda views: multiscale(views, _strength(views, 0.7)),
    "evened": lambda views: evened(views, _strength(views, 0.6), radius=16),
    "sharpened": lambda views: sharpened(views, _strength(views, 1.5), radius=8),
    "white border": lambda views: bordered(views, 0.08, _WHITE),
    "black border": lambda views: bordered(views, 0.08, _BLACK),
    "crop": lambda views: _cropped(views, 0.1),
    "rotation": lambda views: _rotated(views, 5.0),
    "gamma": lambda views: views**1.4,
    "white bars": lambda views: _barred(views, 0.06, _WHITE),
    "black bars": lambda views: _barred(views, 0.06, _BLACK),
    "text": _written,
    "JPEG": lambda views: compressed(views, _strength(views, 0.02)),
    "half size": _half_size,
    "mirror": lambda views: views.flip(-1),
}
CONTRAST = ("CLAHE", "multiscale", "evened", "sharpened")
FRAMING = ("white border", "black border", "crop")


def altered(images: Tensor, alteration: str) -> Tensor:
    """Alter the network's inputs, on [-1024, 1024]."""
    views = (images / MODEL_LIMIT + 1) / 2
    return model_input(ALTERATIONS[alteration](views.clamp(0, 1)).clamp(0, 1))
