"""Random views of films with their masks, as other technicians and hospitals would publish them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from severity.images.preprocessing import MODEL_LIMIT, MODEL_SIDE
from severity.models.architectures.lung_framing import maps_of_frames
from training.compact_3.packing import BOTH, CANVAS, LEFT, OPACITY, RIGHT, SQUARE
from training.compact_3.processing import (
    between,
    chosen,
    degraded,
    enhanced,
    exposed,
    lettered,
)

MAP_SIDE = 56
"""Side of the maps that the network draws, pixels."""
_WHITE = 255
_MIRRORED = 0.5  # share of the views
_WHITE_BORDERS, _BLACK_BORDERS = 0.4, 0.4  # shares of the bordered views; the rest are grey


@dataclass(frozen=True)
class Limits:
    """How far a random view may differ from the film, and how often."""

    rotation: float
    """Degrees, either way."""
    zoom_in: float
    """The most that is cropped, share of the side."""
    zoom_out: float
    stretch: float
    """Share by which the proportions change, either way."""
    shift: float
    bordered: float
    """Share of the views that lie inside a border."""
    enhanced: float
    """Share of the views whose local contrast is enhanced."""
    log_gamma: float
    clipped: float
    degraded: float
    lettered: float


MILD = Limits(
    rotation=6,
    zoom_in=0.1,
    zoom_out=0.06,
    stretch=0.05,
    shift=0.04,
    bordered=0.0,
    enhanced=0.0,
    log_gamma=0.2,
    clipped=0.0,
    degraded=0.1,
    lettered=0.0,
)
STRONG = Limits(
    rotation=12,
    zoom_in=0.24,
    zoom_out=0.12,
    stretch=0.12,
    shift=0.08,
    bordered=0.3,
    enhanced=0.6,
    log_gamma=0.5,
    clipped=0.3,
    degraded=0.5,
    lettered=0.25,
)


@dataclass(frozen=True)
class Views:
    """N views as the network's input, their masks, and which are mirrored.

    ``images`` has shape (N, 1, 224, 224) on [-1024, 1024]; ``masks`` has shape
    (N, 4, 56, 56): right lung, left lung, opacity, both lungs, shares of each pixel.
    """

    images: Tensor
    masks: Tensor
    mirrored: Tensor


@dataclass(frozen=True)
class Placed:
    """N films on their canvases, and what of them a view shows that is not changed.

    Attributes
    ----------
    canvases
        Shape (N, 252, 252), uint8.
    masks
        Shape (N, 144, 144), uint8, bits of `training.compact_3.packing`.
    extents
        Shape (N, 2): half the film's height and width, shares of the canvas.
    frames
        Shape (N, 4): the centre's column and row, half the width and half the height; a canvas goes
        from -1 to 1.
    """

    canvases: Tensor
    masks: Tensor
    extents: Tensor
    frames: Tensor


def random_views(films: Placed, *, limits: Limits, generator: torch.Generator) -> Views:
    """Draw a random view of each film."""
    pixels = films.canvases[:, None].float() / _WHITE
    bordered = chosen(limits.bordered, like=pixels, generator=generator)
    theta, mirrored = _affine(pixels, bordered, films.frames, limits=limits, generator=generator)
    grid = functional.affine_grid(
        theta, [len(pixels), 1, MODEL_SIDE, MODEL_SIDE], align_corners=False
    )
    views = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    square = torch.full_like(films.extents, SQUARE / CANVAS / 2)
    half = torch.where(bordered[:, 0, 0], square, films.extents)
    inside = (grid.abs() <= 2 * half[:, [1, 0]].view(-1, 1, 1, 2)).all(dim=-1)[:, None]
    processed = enhanced(views, share=limits.enhanced, generator=generator)
    processed = exposed(
        processed, log_gamma=limits.log_gamma, clipped=limits.clipped, generator=generator
    )
    processed = degraded(processed, share=limits.degraded, generator=generator)
    colour = _border_colour(views, bordered, generator=generator)
    framed = torch.where(inside, processed, colour)
    written = lettered(framed, share=limits.lettered, generator=generator)
    return Views(model_input(written), _drawn(films.masks, theta), mirrored)


def model_input(views: Tensor) -> Tensor:
    """Map views on [0, 1] to the network's range."""
    return (views * 2 - 1) * MODEL_LIMIT


def squares(count: int, *, device: torch.device | str = "cpu") -> Tensor:
    """Return the frames of the squares that scoring cuts out, shape (N, 4)."""
    half = SQUARE / CANVAS
    return torch.tensor([0.0, 0.0, half, half], device=device).repeat(count, 1)


def within_squares(frames: Tensor) -> Tensor:
    """Map frames of the squares that scoring cuts out to frames of the canvases."""
    return frames * (SQUARE / CANVAS)


def plain_views(canvases: Tensor, masks: Tensor, frames: Tensor | None = None) -> Views:
    """Return the views that scoring cuts out, or other frames of the canvases."""
    count = len(canvases)
    frames = squares(count, device=canvases.device) if frames is None else frames
    theta = maps_of_frames(frames)
    grid = functional.affine_grid(theta, [count, 1, MODEL_SIDE, MODEL_SIDE], align_corners=False)
    pixels = canvases[:, None].float() / _WHITE
    views = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    none = torch.zeros(count, dtype=torch.bool, device=canvases.device)
    return Views(model_input(views), _drawn(masks, theta), none)


def framed_masks(masks: Tensor, frames: Tensor) -> Tensor:
    """Return what frames of the canvases show of masks, as `Views.masks`."""
    return _drawn(masks, maps_of_frames(frames))


def _affine(
    pixels: Tensor,
    bordered: Tensor,
    frames: Tensor,
    *,
    limits: Limits,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return the maps from a view to its canvas, shape (N, 2, 3), and which views are mirrored."""

    def draw(low: float, high: float) -> Tensor:
        return between(low, high, like=pixels, generator=generator)[:, 0, 0, 0]

    mirrored = draw(0, 1) < _MIRRORED
    angle = torch.deg2rad(draw(-limits.rotation, limits.rotation))
    zoom = draw(1 - limits.zoom_in, 1 + limits.zoom_out)
    zoom = torch.where(bordered[:, 0, 0, 0], draw(1.0, 1.35), zoom)
    stretch = draw(-limits.stretch, limits.stretch).exp()
    flip = torch.where(mirrored, -1.0, 1.0)
    across, down = zoom * stretch, zoom / stretch
    rows = [
        [flip * across * angle.cos(), -down * angle.sin(), draw(-limits.shift, limits.shift)],
        [flip * across * angle.sin(), down * angle.cos(), draw(-limits.shift, limits.shift)],
    ]
    theta = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    centre, half = frames[:, :2], frames[:, 2:, None]
    return torch.cat(
        [theta[:, :, :2] * half, theta[:, :, 2:] + centre[:, :, None]], dim=2
    ), mirrored


def _border_colour(views: Tensor, bordered: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return black outside a film, and for a border black, white or any grey."""
    kind = between(0, 1, like=views, generator=generator)
    grey = between(0, 1, like=views, generator=generator)
    dark = torch.where(kind < _WHITE_BORDERS + _BLACK_BORDERS, 0.0, grey)
    colour = torch.where(kind < _WHITE_BORDERS, 1.0, dark)
    return torch.where(bordered, colour, torch.zeros_like(colour))


def _drawn(masks: Tensor, theta: Tensor) -> Tensor:
    """Draw masks as the views show them, the lungs exchanged where a view is mirrored."""
    bits = torch.stack([(masks & bit) > 0 for bit in (RIGHT, LEFT, OPACITY, BOTH)], dim=1).float()
    grid = functional.affine_grid(theta, [len(masks), 1, MAP_SIDE, MAP_SIDE], align_corners=False)
    drawn = functional.grid_sample(
        functional.avg_pool2d(bits, 2), grid, padding_mode="zeros", align_corners=False
    )
    mirrored = theta[:, 0, 0] < 0
    return torch.where(mirrored.view(-1, 1, 1, 1), drawn[:, [1, 0, 2, 3]], drawn)
