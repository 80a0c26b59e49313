"""Simulated opacities: soft-edged bright patches over the lung fields.

A score must rise when more of the lungs turns white and nothing else changes. Real
images do not show that, because everything else changes too; painted pairs do.
"""

import torch
from torch import Tensor
from torch.nn import functional

_LUNGS = ((0.29, 0.47), (0.71, 0.47))
"""Centres across and down, as shares of a frontal image's central square."""
_REACH = (0.09, 0.19)
"""The largest distance of an opacity from a lung's centre, across and down."""
_RADII = ((0.05, 0.20), (0.05, 0.35))
_STRENGTH = (0.3, 1.0)
_LESS = (0.3, 0.8)
_EDGES = (0.8, 4.0)  # from a gradual rim to an abrupt one
_BOTH_LUNGS = 0.5  # share of the images with an opacity in either lung
_BLOTCHES = 9  # per side of the image


def painted(views: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Paint an opacity into one lung or both, and a larger one on the same spot.

    Parameters
    ----------
    views
        Frontal images, shape (N, 1, side, side) on [0, 1].

    Returns
    -------
    The lesser and the larger version, shaped like `views`; no pixel is darker than in the image or
    the lesser version.
    """
    count, _, side, _ = views.shape
    strength = _uniform(_STRENGTH, count, generator)
    # Blotchy like consolidation, not flat like a collimator's edge.
    noise = torch.rand(count, 1, _BLOTCHES, _BLOTCHES, generator=generator)
    blotches = functional.interpolate(noise, side, mode="bicubic").clamp(0, 1)
    flatness = _uniform((0.5, 1.0), count, generator)
    texture = flatness + (1 - flatness) * blotches
    more = strength * _spots(count, side, generator) * texture
    # Fainter and smaller at once: a power shrinks a soft spot.
    less = more * _uniform(_LESS, count, generator) * more ** _uniform((0.0, 1.0), count, generator)
    bright = torch.quantile(views.flatten(1), 0.9, dim=1).view(-1, 1, 1, 1)
    white = torch.maximum(bright * _uniform((0.8, 1.05), count, generator), views)
    return views + less * (white - views), views + more * (white - views)


def _uniform(limits: tuple[float, float], count: int, generator: torch.Generator) -> Tensor:
    low, high = limits
    return low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)


def _spots(count: int, side: int, generator: torch.Generator) -> Tensor:
    """Draw one soft ellipse in one lung or in both, shape (N, 1, side, side) on [0, 1]."""
    position = (torch.arange(side) + 0.5) / side
    across, down = position.view(1, 1, 1, -1), position.view(1, 1, -1, 1)
    in_both = torch.rand(count, 1, 1, 1, generator=generator) < _BOTH_LUNGS
    single = torch.randint(0, 2, (count, 1, 1, 1), generator=generator)
    edge = _uniform(_EDGES, count, generator)
    spots = torch.zeros(count, 1, side, side)
    for lung, (centre_across, centre_down) in enumerate(_LUNGS):
        at_across = centre_across + _uniform((-_REACH[0], _REACH[0]), count, generator)
        at_down = centre_down + _uniform((-_REACH[1], _REACH[1]), count, generator)
        radius_across, radius_down = (_uniform(limits, count, generator) for limits in _RADII)
        distance = ((across - at_across) / radius_across) ** 2
        distance = distance + ((down - at_down) / radius_down) ** 2
        spots = torch.maximum(spots, torch.exp(-(distance**edge)) * (in_both | (single == lung)))
    return spots
