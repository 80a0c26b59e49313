"""Painted opacities: images whose course is known, made from one real radiograph.

Nothing here imitates a patient. The opacities are clouds of smooth noise that brighten the
lung fields, mostly low and at the sides as in COVID-19 pneumonia, so that a demonstration
and its tests have an order of severity to compare scores with. What the radiograph itself shows
in its lungs is wiped out first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, grey_opening

DENSEST = 0.91
"""Whiteness that opacities approach and never pass: soft tissue, not pure white."""

_LUNG_EDGE = 0.25  # width over which opacities fade out inside a lung's border, in its radius
_PATCH_EDGE = 0.45  # width over which a patch fades out, in shares of the lungs
_PATCH_CELLS = ((7, 1.0), (14, 0.5), (30, 0.4))  # cells along an axis, and their weight
_MOTTLE_CELLS = ((20, 1.0), (48, 0.8), (110, 0.6))
_MOTTLE = 0.09  # standard deviation of the density within a patch
_SIDES_FIRST, _BASES_FIRST = 1.2, 1.6  # in standard deviations of the patches
_FAINTEST, _DENSEST_SHARE = 0.50, 0.75  # share of the way to `DENSEST`, at amounts 0 and 1
_MOST = 0.9  # of the way to `DENSEST`, at any pixel: ribs must show through
_CELL_SPREAD = 0.6  # standard deviation of a cell's bump, in cells
_KEPT_PATTERNS = 4  # about 8 MB each at one million pixels
_FINE = 0.006  # shares of the height: ribs and vessels are finer, opacities coarser
_LARGEST_WIPED = 0.14  # share of the height


@dataclass(frozen=True)
class Ellipse:
    """A part of a lung field, in shares of the image's height and width.

    ``lean`` is how far its axis moves to the right per step down, width per height.
    """

    row: float
    column: float
    half_height: float
    half_width: float
    lean: float = 0.0


@dataclass(frozen=True)
class Course:
    """The painted amount by day: straight lines between (day, amount) points."""

    points: tuple[tuple[int, float], ...]

    def amount(self, day: float) -> float:
        """Return the amount on [0, 1]; it is constant before the first point and after the last."""
        days, amounts = zip(*self.points, strict=True)
        return float(np.interp(day, days, amounts))


def wipe_opacities(pixels: NDArray[np.float32], *, lungs: Sequence[Ellipse]) -> NDArray[np.float32]:
    """Darken what is brighter in the lung fields than around it and opposite, such as nodules.

    Parameters
    ----------
    pixels
        Shape (rows, columns), 0 is black and 1 is white; the spine runs down the middle.

    Returns
    -------
    Shape (rows, columns) on [0, 1]. Vessels and the edges of ribs stay, being finer; so does all
    that lies outside the lungs.

    References
    ----------
    * Serra, Image Analysis and Mathematical Morphology (1982): an opening removes what is bright
      and smaller than its structuring element, and keeps slopes.
    """
    height = pixels.shape[0]
    coarse = gaussian_filter(pixels, _FINE * height)
    darker_side = np.minimum(coarse, coarse[:, ::-1])
    opened = grey_opening(darker_side, size=round(_LARGEST_WIPED * height))
    surroundings = np.minimum(gaussian_filter(opened, _FINE * height), coarse)
    lung = lung_fields(pixels.shape, lungs=lungs)
    wiped: NDArray[np.float32] = np.clip(pixels - lung * (coarse - surroundings), 0, 1)
    return wiped


def paint_opacities(
    pixels: NDArray[np.float32], *, lungs: Sequence[Ellipse], amount: float, seed: int
) -> NDArray[np.float32]:
    """Brighten the lung fields with soft patches.

    Parameters
    ----------
    pixels
        Shape (rows, columns), 0 is black and 1 is white.
    lungs
        Where opacities may lie; ellipses may overlap.
    amount
        0 paints nothing, 1 nearly all of the lungs. More amount covers more *and* is
        denser at each pixel, so a course is one disease that grows and resolves.
    seed
        Places the patches; the same seed places them alike in an image of any size.

    Returns
    -------
    Shape (rows, columns) on [0, 1]. Pixels outside the lungs are unchanged.

    Raises
    ------
    ValueError
        ``amount`` lies outside [0, 1].

    References
    ----------
    * Wong et al., Radiology 296(2):E72-E78 (2020), radiographs of COVID-19: consolidation
      is mostly bilateral, peripheral and in the lower zones.
    """
    if not 0 <= amount <= 1:
        raise ValueError(f"amount {amount} lies outside 0 to 1")
    pattern = _pattern(pixels.shape, lungs=tuple(lungs), seed=seed)
    covered = _smooth_step((amount * (1 + _PATCH_EDGE) - pattern.covered_before) / _PATCH_EDGE)
    dense = _FAINTEST + (_DENSEST_SHARE - _FAINTEST) * amount
    opacity = np.minimum(covered * dense * pattern.weight, _MOST)
    painted: NDArray[np.float32] = pixels + opacity * np.maximum(DENSEST - pixels, 0)
    return painted


@dataclass(frozen=True)
class _Pattern:
    """The pattern that all images of one course share. Both arrays have the shape of an image."""

    covered_before: NDArray[np.float32]
    """The share of the lungs that opacities cover earlier than this pixel, on [0, 1)."""
    weight: NDArray[np.float32]
    """How dense opacities are here relative to the rest, at least 0; 0 outside the lungs."""


@lru_cache(maxsize=_KEPT_PATTERNS)
def _pattern(shape: tuple[int, ...], *, lungs: tuple[Ellipse, ...], seed: int) -> _Pattern:
    generator = np.random.default_rng(seed)
    lung = lung_fields(shape, lungs=lungs)
    covered_before = _share_covered_before(lung, generator=generator)
    mottle = 1 + _MOTTLE * _clouds(shape, cells=_MOTTLE_CELLS, generator=generator)
    return _Pattern(covered_before=covered_before, weight=lung * np.maximum(mottle, 0))


def lung_fields(shape: tuple[int, ...], *, lungs: Sequence[Ellipse]) -> NDArray[np.float32]:
    """Draw the lung fields: 1 within, fading to 0 at the border, 0 outside.

    Returns
    -------
    ``shape`` (rows, columns), on [0, 1].
    """
    rows, columns = _relative_coordinates(shape)
    depths = (_depth(lung, rows=rows, columns=columns) for lung in lungs)
    return _smooth_step(reduce(np.maximum, depths) / _LUNG_EDGE)


def _depth(
    lung: Ellipse, *, rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return how far inside an ellipse each pixel lies: 1 at its centre, 0 at its border."""
    down = (rows - lung.row) / lung.half_height
    aside = (columns - lung.column - lung.lean * (rows - lung.row)) / lung.half_width
    depth: NDArray[np.float32] = 1 - np.sqrt(down**2 + aside**2)
    return depth


def _share_covered_before(
    lung: NDArray[np.float32], *, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Order the pixels of the lungs by when opacities reach them.

    Returns
    -------
    Shape as ``lung``, on [0, 1): the share of the lungs that is covered earlier.
    """
    rows, columns = _relative_coordinates(lung.shape)
    prone = (
        _clouds(lung.shape, cells=_PATCH_CELLS, generator=generator)
        + _SIDES_FIRST * np.abs(columns - 0.5) * 2
        + _BASES_FIRST * rows
    )
    inside = lung > 0
    order = np.argsort(-prone[inside], kind="stable")
    shares = np.empty(order.size, np.float32)
    shares[order] = np.arange(order.size, dtype=np.float32) / max(order.size, 1)
    covered_before = np.zeros(lung.shape, np.float32)
    covered_before[inside] = shares
    return covered_before


def _clouds(
    shape: tuple[int, ...],
    *,
    cells: Sequence[tuple[int, float]],
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw smooth noise of several sizes; mean 0 and standard deviation 1 at each pixel."""
    total = np.zeros(shape, np.float32)
    for count, weight in cells:
        down, across = (_bumps(length, cells=count) for length in shape)
        grid = generator.standard_normal((count + 2, count + 2), dtype=np.float32)
        total += np.float32(weight) * (down @ grid @ across.T)
    norm = np.sqrt(sum(weight**2 for _, weight in cells))
    return total / np.float32(norm)


def _bumps(length: int, *, cells: int) -> NDArray[np.float32]:
    """Return an axis as a sum of bumps, one per cell: (length, cells + 2), rows of norm 1."""
    positions = (np.arange(length, dtype=np.float32) + 0.5) * cells / length
    centres = np.arange(cells + 2, dtype=np.float32) - 0.5
    bumps = np.exp(-0.5 * ((positions[:, None] - centres) / _CELL_SPREAD) ** 2)
    weights: NDArray[np.float32] = bumps / np.linalg.norm(bumps, axis=1, keepdims=True)
    return weights


def _relative_coordinates(
    shape: tuple[int, ...],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return pixel centres in shares of the height, (rows, 1), and of the width, (1, columns)."""
    rows, columns = (((np.arange(n) + 0.5) / n).astype(np.float32) for n in shape)
    return rows[:, None], columns[None, :]


def _smooth_step(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rise smoothly from 0 at 0 to 1 at 1; constant beyond."""
    limited: NDArray[np.float32] = np.clip(values, 0, 1)
    return limited * limited * (3 - 2 * limited)
