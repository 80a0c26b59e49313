"""What vendors' processing, scanners and technicians do to a film's grey levels, at random.

Every function maps views of shape (N, 1, side, side) on [0, 1] to views of the same shape and
range, and takes one strength for each view, so that a batch sees as many kinds as it has views.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

_BINS = 64
_LEVELS = 4
_LEAST = 1e-4
_TILES = (4, 7, 8)
"""Tiles along a side that divide the network's input."""
_HALF = 0.5
_WAYS = 5
_BLOCK = 8
"""Side of the blocks of JPEG, pixels."""


def between(low: float, high: float, *, like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one number for each view, shape (N, 1, 1, 1)."""
    drawn = torch.rand(len(like), generator=generator, device=like.device)
    return (low + (high - low) * drawn).view(-1, 1, 1, 1)


def chosen(share: float, *, like: Tensor, generator: torch.Generator) -> Tensor:
    """Choose this share of the views at random, shape (N, 1, 1, 1), bool."""
    return between(0, 1, like=like, generator=generator) < share


def blurred(views: Tensor, radius: int) -> Tensor:
    """Average views twice over a square window: not far from a Gaussian."""
    window, smooth = 2 * radius + 1, views
    for _ in range(2):
        padded = functional.pad(smooth, (radius,) * 4, mode="replicate")
        rows = functional.avg_pool2d(padded, (window, 1), stride=1)
        smooth = functional.avg_pool2d(rows, (1, window), stride=1)
    return smooth


def sharpened(views: Tensor, amount: Tensor, *, radius: int) -> Tensor:
    """Add detail finer than ``radius`` (unsharp masking)."""
    return (views + amount * (views - blurred(views, radius))).clamp(0, 1)


def evened(views: Tensor, share: Tensor, *, radius: int) -> Tensor:
    """Replace a share of each view by its locally standardised version."""
    mean = blurred(views, radius)
    deviation = (blurred(views**2, radius) - mean**2).clamp_min(_LEAST).sqrt()
    local = (0.5 + 0.22 * (views - mean) / (deviation + 0.03)).clamp(0, 1)
    return views + share * (local - views)


def multiscale(views: Tensor, power: Tensor) -> Tensor:
    """Amplify faint detail of every size (Vuylsteke and Schoeters 1994, MUSICA).

    Each level of a pyramid is raised to a power below 1: faint structures gain, strong ones lose.
    """
    levels, coarse = [], views
    for _ in range(_LEVELS):
        smaller = functional.avg_pool2d(coarse, 2)
        larger = functional.interpolate(
            smaller, size=coarse.shape[-2:], mode="bilinear", align_corners=False
        )
        levels.append(coarse - larger)
        coarse = smaller
    for detail in reversed(levels):
        amplified = detail.sign() * (detail.abs() / 0.2 + _LEAST) ** power * 0.2
        coarse = amplified + functional.interpolate(
            coarse, size=detail.shape[-2:], mode="bilinear", align_corners=False
        )
    low, high = (coarse.flatten(1).quantile(q, dim=1).view(-1, 1, 1, 1) for q in (0.005, 0.995))
    return ((coarse - low) / (high - low).clamp_min(0.05)).clamp(0, 1)


def equalised(views: Tensor, limit: Tensor, *, tiles: int) -> Tensor:
    """Equalise the histogram of each tile, its slope limited (CLAHE, Zuiderveld 1994).

    Parameters
    ----------
    limit
        The most that a bin may exceed the mean of all bins, shape (N, 1, 1, 1).
    """
    count, _, side, _ = views.shape
    tile = side // tiles
    bins = (views * (_BINS - 1)).long().clamp(0, _BINS - 1)[:, 0]
    grid = bins.reshape(count, tiles, tile, tiles, tile).permute(0, 1, 3, 2, 4)
    grid = grid.reshape(count, tiles * tiles, tile * tile)
    histogram = torch.zeros(count, tiles * tiles, _BINS, device=views.device)
    histogram.scatter_add_(2, grid, torch.ones(1, device=views.device).expand(grid.shape))
    histogram = histogram / (tile * tile)
    highest = limit.view(-1, 1, 1) / _BINS
    excess = (histogram - highest).clamp_min(0).sum(dim=2, keepdim=True)
    histogram = histogram.minimum(highest) + excess / _BINS
    tables = histogram.cumsum(dim=2).reshape(count, tiles, tiles, _BINS).permute(0, 3, 1, 2)
    return _looked_up(tables, views, bins)


def _looked_up(tables: Tensor, views: Tensor, bins: Tensor) -> Tensor:
    """Interpolate between the tables of the nearest tiles, for each pixel's bin.

    The tables are a volume of grey level, rows and columns, sampled at each pixel.
    """
    side = views.shape[-1]
    tiles = tables.shape[-1]
    axis = (torch.arange(side, device=views.device) + 0.5) / side * 2 - 1
    across, down = axis.view(1, 1, side), axis.view(1, side, 1)
    grey = (bins.float() + 0.5) / _BINS * 2 - 1
    places = torch.stack([across.expand_as(grey), down.expand_as(grey), grey], dim=-1)
    volume = tables.reshape(len(tables), 1, _BINS, tiles, tiles)
    sampled = functional.grid_sample(
        volume, places[:, None], padding_mode="border", align_corners=False
    )
    return sampled[:, 0].clamp(0, 1)


def enhanced(views: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """Enhance the local contrast of a share of the views, each in one of five ways.

    The first views get the first way and so on: a batch is in random order, and each way is
    computed for its own views alone.
    """
    each = min(round(len(views) * share / _WAYS), len(views) // _WAYS)
    if not each:
        return views
    parts = torch.split(views[: each * _WAYS], each)
    limit = between(1.3, 5.0, like=parts[0], generator=generator)
    amount = between(0.3, 2.5, like=parts[0], generator=generator)
    power = between(0.55, 0.95, like=parts[0], generator=generator)
    evenness = between(0.2, 0.9, like=parts[0], generator=generator)
    tiles = _TILES[int(torch.randint(3, (), generator=generator, device=views.device))]
    radius = int(torch.randint(2, 20, (), generator=generator, device=views.device))
    return torch.cat(
        [
            equalised(parts[0], limit, tiles=tiles),
            sharpened(parts[1], amount, radius=radius),
            multiscale(parts[2], power),
            evened(parts[3], evenness, radius=12 + radius),
            equalised(parts[4], limit, tiles=1),
            views[each * _WAYS :],
        ]
    )


def exposed(
    views: Tensor, *, log_gamma: float, clipped: float, generator: torch.Generator
) -> Tensor:
    """Change gamma, and for a share of the views clip the darkest and brightest greys."""
    low = between(0, 0.12, like=views, generator=generator)
    high = between(0.85, 1, like=views, generator=generator)
    narrowed = ((views - low) / (high - low)).clamp(0, 1)
    window = chosen(clipped, like=views, generator=generator)
    gamma = between(-log_gamma, log_gamma, like=views, generator=generator).exp()
    return torch.where(window, narrowed, views).clamp(_LEAST, 1) ** gamma


def compressed(views: Tensor, step: Tensor) -> Tensor:
    """Round the frequencies of blocks of 8 x 8, the higher the coarser, as JPEG does."""
    frequency = torch.arange(float(_BLOCK), device=views.device)
    waves = torch.cos(math.pi / _BLOCK * (frequency + 0.5) * frequency[:, None])
    waves *= torch.where(frequency == 0, 0.5, 1.0).sqrt()[:, None] / 2
    blocks = views.unfold(2, _BLOCK, _BLOCK).unfold(3, _BLOCK, _BLOCK)
    steps = step.view(-1, 1, 1, 1, 1, 1) * (1 + frequency + frequency[:, None])
    rounded = (waves @ blocks @ waves.T / steps).round() * steps
    rows = (waves.T @ rounded @ waves).permute(0, 1, 2, 4, 3, 5)
    return rows.reshape(views.shape)


def degraded(views: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """Blur a share of the views, compress another, and add noise to a third."""
    if not share:
        return views
    blur = between(0.2, 1, like=views, generator=generator)
    blur = torch.where(chosen(share, like=views, generator=generator), blur, 0.0)
    soft = views + blur * (blurred(views, 1) - views)
    noise = torch.randn(views.shape, generator=generator, device=views.device)
    level = between(0, 0.04, like=views, generator=generator)
    level = torch.where(chosen(share, like=views, generator=generator), level, 0.0)
    step = between(0.004, 0.03, like=views, generator=generator)
    coarse = chosen(share, like=views, generator=generator)
    return (torch.where(coarse, compressed(soft, step), soft) + level * noise).clamp(0, 1)


def lettered(views: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """Write something like text near an edge of a share of the views: bright or dark blocks."""
    if not share:
        return views
    count, _, side, _ = views.shape
    device = views.device
    block = 3
    cells = side // block + 1
    noise = torch.rand(count, 1, cells, cells, generator=generator, device=device) < _HALF
    letters = functional.interpolate(noise.float(), scale_factor=block)[..., :side, :side]
    middle = torch.rand(count, 2, generator=generator, device=device)
    edge = torch.rand(count, 2, generator=generator, device=device) * 0.2
    far = torch.rand(count, 2, generator=generator, device=device) < _HALF
    axis = torch.rand(count, generator=generator, device=device) < _HALF
    near = torch.where(far, 1 - edge, edge)
    down = torch.where(axis, near[:, 0], middle[:, 0]).view(-1, 1, 1)
    across = torch.where(axis, middle[:, 1], near[:, 1]).view(-1, 1, 1)
    place = (torch.arange(side, device=device) + 0.5) / side
    height = between(0.02, 0.06, like=views, generator=generator)[:, 0]
    width = between(0.03, 0.2, like=views, generator=generator)[:, 0]
    inside = ((place.view(1, -1, 1) - down).abs() < height) & (
        (place.view(1, 1, -1) - across).abs() < width
    )
    colour = torch.where(chosen(0.8, like=views, generator=generator), 1.0, 0.0)
    written = inside[:, None] & (letters > _HALF) & chosen(share, like=views, generator=generator)
    return torch.where(written, colour, views)
