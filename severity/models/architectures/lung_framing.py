"""Where the lungs lie in an image, and how images and features are limited to them.

A film is cut out otherwise by every technician and every publisher. Seen from its lungs, and
averaged over them, it is the same film however much lies around it.
"""

import torch
from torch import Tensor
from torch.nn import functional

REACH = (2.0, 2.35)
"""Half a frame's width and height, in standard deviations of the lungs' pixels: a sixth more than
both lungs take."""
LIMITS = (0.35, 1.0)
"""Of half an image's side: a frame is neither smaller nor larger."""
BEYOND = 1e-3
"""Weight of a pixel that is no lung: without lungs the frame is the whole image."""
OUTSIDE = 5e-3
"""Weight of a cell outside the lungs, where one inside has 1: without lungs all cells count."""


def over_lungs(features: Tensor, lungs: Tensor, *, background: float = OUTSIDE) -> Tensor:
    """Average features over each lung.

    Parameters
    ----------
    features
        Shape (N, channels, side, side).
    lungs
        Probabilities of the right and the left lung, shape (N, 2, n * side, n * side).

    Returns
    -------
    Shape (N, 2, channels): right lung, left lung.
    """
    # In fp32 also where a network runs in bf16: eight bits do not tell where a lung lies.
    weights = lung_weights(lungs.float(), features.shape[-1], background=background)
    return by_lung(features.float(), weights).to(features.dtype)


def by_lung(features: Tensor, weights: Tensor) -> Tensor:
    """Average features by the `lung_weights` of their cells, shape (N, 2, channels)."""
    return torch.einsum("nchw,nkhw->nkc", features, weights)


def lung_weights(lungs: Tensor, side: int, *, background: float = OUTSIDE) -> Tensor:
    """Return by what cells count for each lung, shape (N, 2, side, side); the sums are 1."""
    weights = functional.avg_pool2d(lungs, lungs.shape[-1] // side) + background
    return weights / weights.sum(dim=(2, 3), keepdim=True)


def frames_of(
    lungs: Tensor,
    *,
    reach: tuple[float, float] = REACH,
    limits: tuple[float, float] = LIMITS,
    background: float = BEYOND,
) -> Tensor:
    """Return the frames around both lungs.

    Parameters
    ----------
    lungs
        Probabilities of the right and the left lung, shape (N, 2, side, side).

    Returns
    -------
    Shape (N, 4): the centre's column and row, half the width and half the height; an image goes
    from -1 to 1.
    """
    side = lungs.shape[-1]
    places = (torch.arange(side, device=lungs.device) + 0.5) * (2 / side) - 1
    # The square leaves out what is faintly drawn all over an image.
    pixels = lungs.float().amax(dim=1).square() + background
    pixels = pixels / pixels.sum(dim=(1, 2), keepdim=True)
    # First by column, then by row: shape (N, 2, side).
    along = torch.stack([pixels.sum(dim=1), pixels.sum(dim=2)], dim=1)
    centres = (along * places).sum(dim=2)
    spreads = ((along * places.square()).sum(dim=2) - centres.square()).clamp_min(0).sqrt()
    halves = (spreads * spreads.new_tensor(reach)).clamp(*limits)
    return torch.cat([centres, halves], dim=1)


def framed(images: Tensor, frames: Tensor) -> Tensor:
    """Cut frames out of images of shape (N, 1, rows, columns), in the same number of pixels.

    Beyond an image its edge is repeated.
    """
    grid = functional.affine_grid(maps_of_frames(frames), list(images.shape), align_corners=False)
    cut = functional.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return cut.to(images.dtype)


def maps_of_frames(frames: Tensor) -> Tensor:
    """Return the affine maps from frames to images, shape (N, 2, 3)."""
    return torch.cat([torch.diag_embed(frames[:, 2:]), frames[:, :2, None]], dim=2)
