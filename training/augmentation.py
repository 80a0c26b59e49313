"""Random views of an image, as other technicians and other machines would have made it."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_MIRRORED = 0.5  # share of the views


@dataclass(frozen=True)
class Augmentation:
    """The limits of the random changes of a view."""

    rotation: float = 10.0
    """Degrees, either way."""
    scale: float = 0.15
    """Share of the size, either way."""
    shift: float = 0.08
    """Share of half the side, either way."""
    log_gamma: float = 0.35
    """Natural logarithm of the exponent, either way."""


def random_views(
    images: Tensor, *, side: int, limits: Augmentation, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Rotate, scale, shift, mirror and re-expose images at random.

    Parameters
    ----------
    images
        Shape (N, rows, columns), uint8 grey levels.
    side
        Side of the views, pixels.

    Returns
    -------
    Views of shape (N, 1, side, side) on [0, 1], and whether each is mirrored, shape (N,), bool.
    """
    count = len(images)

    def either_way(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    mirrored = torch.rand(count, generator=generator) < _MIRRORED
    angle = torch.deg2rad(either_way(limits.rotation))
    zoom = 1 + either_way(limits.scale)
    across, down = either_way(limits.shift), either_way(limits.shift)
    flip = torch.where(mirrored, -1.0, 1.0)
    affine = torch.stack(
        [
            torch.stack([flip * zoom * angle.cos(), -zoom * angle.sin(), across], dim=1),
            torch.stack([flip * zoom * angle.sin(), zoom * angle.cos(), down], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(affine, [count, 1, side, side], align_corners=False)
    pixels = images[:, None].float() / 255
    views = functional.grid_sample(pixels, grid, padding_mode="zeros", align_corners=False)
    gamma = either_way(limits.log_gamma).exp().view(-1, 1, 1, 1)
    return views.clamp(0, 1) ** gamma, mirrored
