"""Healthy films with simulated pneumonia, of which it is known how much of each zone it covers.

`training.painting` teaches that more opacity is worse; this teaches how much there is. The
shares have outputs of their own: a simulated opacity is no reader's score.
"""

import torch
from torch import Tensor
from torch.nn import functional

ZONES = 6
"""Upper to lower third of the right lung, then of the left one, as Brixia's A to F."""

_LUNGS = ((0.29, 0.47), (0.71, 0.47))
"""Centres across and down, as shares of a frontal film's central square; the right lung first."""
_HALF = (0.15, 0.30)
"""Half axes of a lung."""
_MOST_SPOTS = 8
_RADII = ((0.03, 0.13), (0.04, 0.18))
_DENSE = (0.25, 1.0)  # from ground glass to consolidation
_EDGES = (0.8, 3.0)  # from a gradual rim to an abrupt one
_DIFFUSE = 0.5  # share of severe films in which a whole lung is veiled
_GRAINS = (9, 32)  # blotches and fine grain, per side of the film


def simulated(healthy: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Paint spots and veils into the lungs of healthy films.

    Parameters
    ----------
    healthy
        Frontal films, shape (N, 1, side, side) on [0, 1].

    Returns
    -------
    Films of the same shape, and the mean opacity of each zone, shape (N, ZONES) on [0, 1].
    """
    count, _, side, _ = healthy.shape
    severity = _uniform((0, 1), count, generator)
    dense = _uniform(_DENSE, count, generator)
    clear = torch.ones(count, 1, side, side)
    for _ in range(_MOST_SPOTS):
        there = torch.rand(count, 1, 1, 1, generator=generator) < severity
        strength = dense * _uniform((0.6, 1.0), count, generator) * there
        clear = clear * (1 - strength * _spot(count, side, generator))
    for lung in range(len(_LUNGS)):
        veiled = torch.rand(count, 1, 1, 1, generator=generator) < _DIFFUSE * severity
        clear = clear * (1 - dense * veiled * _lung(lung, side))
    opacity = (1 - clear) * _texture(count, side, generator) * _lungs(side)
    bright = torch.quantile(healthy.flatten(1), 0.9, dim=1).view(-1, 1, 1, 1)
    white = torch.maximum(bright * _uniform((0.8, 1.05), count, generator), healthy)
    return healthy + opacity * (white - healthy), _shares(opacity)


def _shares(opacity: Tensor) -> Tensor:
    zones = torch.stack([zone for lung in range(len(_LUNGS)) for zone in _thirds(lung, opacity)])
    return (opacity * zones[:, 0]).sum(dim=(2, 3)) / zones[:, 0].sum(dim=(1, 2))


def _thirds(lung: int, opacity: Tensor) -> list[Tensor]:
    """Cut a lung's ellipse into three bands of equal height, shape (1, side, side) each."""
    side = opacity.shape[-1]
    ellipse = (_lung(lung, side)[0] > 0.5).float()  # noqa: PLR2004
    middle, half = _LUNGS[lung][1], _HALF[1]
    down = ((torch.arange(side) + 0.5) / side).view(1, -1, 1)
    third = ((down - middle + half) / (2 * half / 3)).floor()
    return [ellipse * (third == place) for place in range(3)]


def _lungs(side: int) -> Tensor:
    return torch.maximum(_lung(0, side), _lung(1, side))


def _lung(lung: int, side: int) -> Tensor:
    """Draw a lung's soft-edged ellipse, shape (1, 1, side, side)."""
    centre = torch.tensor(_LUNGS[lung]).view(2, 1, 1, 1)
    half = torch.tensor(_HALF).view(2, 1, 1, 1)
    return _ellipse(centre, half, torch.full((1, 1, 1, 1), 3.0), side)


def _spot(count: int, side: int, generator: torch.Generator) -> Tensor:
    """Draw one soft ellipse in either lung, shape (N, 1, side, side)."""
    lung = torch.randint(0, 2, (count,), generator=generator)
    centre = torch.tensor(_LUNGS)[lung].T
    reach = torch.tensor(_HALF)[:, None] * 0.9
    # Uniform within the ellipse: the root spreads the distance by area.
    distance = torch.rand(count, generator=generator).sqrt()
    turn = torch.rand(count, generator=generator) * 2 * torch.pi
    place = centre + reach * distance * torch.stack([turn.cos(), turn.sin()])
    radii = torch.stack([_uniform(limits, count, generator).flatten() for limits in _RADII])
    return _ellipse(
        place.view(2, -1, 1, 1), radii.view(2, -1, 1, 1), _uniform(_EDGES, count, generator), side
    )


def _ellipse(centre: Tensor, half: Tensor, edge: Tensor, side: int) -> Tensor:
    """Fall from 1 at the centre to 1/e at the rim; (2, N, 1, 1) in, (N, 1, side, side) out."""
    position = (torch.arange(side) + 0.5) / side
    across = ((position.view(1, 1, -1) - centre[0]) / half[0]) ** 2
    down = ((position.view(1, -1, 1) - centre[1]) / half[1]) ** 2
    return torch.exp(-((across + down)[:, None] ** edge))


def _texture(count: int, side: int, generator: torch.Generator) -> Tensor:
    """Blotches and grain, so that an opacity is no flat veil."""
    texture = torch.ones(count, 1, side, side)
    for grains in _GRAINS:
        noise = torch.rand(count, 1, grains, grains, generator=generator)
        smooth = functional.interpolate(noise, side, mode="bicubic").clamp(0, 1)
        flatness = _uniform((0.6, 1.0), count, generator)
        texture = texture * (flatness + (1 - flatness) * smooth)
    return texture


def _uniform(limits: tuple[float, float], count: int, generator: torch.Generator) -> Tensor:
    low, high = limits
    return low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)
