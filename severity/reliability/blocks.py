"""An image reduced to what both checks of its distribution look at: blocks of its light and detail.

The model input is divided into 14 x 14 blocks. Of each, the mean and the energy of the detail of
four sizes are kept: those of the Haar wavelets (Haar 1910, Mathematische Annalen 69, 331-371), by
which the image is halved four times until one pixel is left of each block.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from severity.images.preprocessing import MODEL_LIMIT
from severity.images.resizing import MODEL_SIDE
from severity.reliability.contrasts import contrasts

if TYPE_CHECKING:
    from torch import Tensor

_Images = TypeVar("_Images", NDArray[np.float32], "Tensor")
_MAP_SIDE = 14
"""Blocks per side of a map; each is 16 x 16 pixels of the model input."""
MAP_FEATURES = 2 * _MAP_SIDE**2

_HALVINGS = (MODEL_SIDE // _MAP_SIDE).bit_length() - 1
_ONE, _FOUR = 0, 2  # of the energies, by pixels
_LEAST_ENERGY = 1e-9  # an even image has no grain
_DETAIL_WEIGHT = 0.8  # relative to the layout
_DECIMALS = 5  # of light and detail on [-1, 1]: closer blocks are equal, on any device
_NORMAL_SCORES = np.array(
    [0.0, *(NormalDist().inv_cdf(n / (2 * _MAP_SIDE**2)) for n in range(1, 2 * _MAP_SIDE**2))],
    dtype=np.float32,
)
"""Of a block that ``n / 2`` of the 196 blocks are darker than; half of those as dark count."""


@dataclass(frozen=True, eq=False)
class Maps:
    """An image reduced to two maps, where light lies and where detail does, and its contrasts.

    Maps have normal scores of the blocks' ranks (van der Waerden 1952): no exposure, window or
    gamma moves them, and a few very bright blocks (a border, a clip) weigh no more than others.

    Attributes
    ----------
    layout
        Shape (14, 14): the rank of each block's mean.
    detail
        Shape (14, 14): the rank of the deviation within each block.
    greys
        Which part of the way from black to white the image's greys fill.
    grain
        How strong the detail of one pixel is, relative to that of four.
    contrasts
        Shape (2,): see `severity.reliability.contrasts`.
    """

    layout: NDArray[np.float32]
    detail: NDArray[np.float32]
    greys: float
    grain: float
    contrasts: NDArray[np.float64]

    @classmethod
    def of(cls, blocks: NDArray[np.float32], *, extremes: tuple[float, float]) -> "Maps":
        """Compute them from the blocks; see `light_blocks`.

        Parameters
        ----------
        blocks
            Shape (5, 14, 14): the means, then the energies from the finest detail on.
        extremes
            The lowest and the highest value of the model input, on [-1024, 1024].
        """
        means, energies = blocks[0], blocks[1:]
        darkest, lightest = extremes
        greys = (lightest - darkest) / (2 * MODEL_LIMIT)
        deviations = np.sqrt(energies.sum(axis=0))
        grain = float(np.sqrt(energies[_ONE].mean() / (energies[_FOUR].mean() + _LEAST_ENERGY)))
        return cls(_ranked(means), _ranked(deviations), greys, grain, contrasts(means, energies))

    @property
    def features(self) -> NDArray[np.float32]:
        """Both maps as one row, shape (392,)."""
        return np.concatenate([self.layout.ravel(), _DETAIL_WEIGHT * self.detail.ravel()])

    def mirrored(self) -> "Maps":
        """Return the maps of the mirror image."""
        return replace(self, layout=self.layout[:, ::-1], detail=self.detail[:, ::-1])

    def inverted(self) -> "Maps":
        """Return the maps of the negative."""
        return replace(self, layout=-self.layout)

    def rotated(self, quarters: int) -> "Maps":
        """Return the maps of the image rotated by ``quarters`` times 90 degrees."""
        layout, detail = (np.rot90(part, quarters) for part in (self.layout, self.detail))
        return replace(self, layout=layout, detail=detail)


def maps(inputs: Sequence[NDArray[np.float32]]) -> list[Maps]:
    """Reduce images to maps of their layout and detail.

    Parameters
    ----------
    inputs
        N model inputs, shape (224, 224) on [-1024, 1024].
    """
    # One by one: the last digits of NumPy's sums depend on the other images in the array.
    return [
        Maps.of(
            np.concatenate(light_blocks(image[None])),
            extremes=(float(image.min()), float(image.max())),
        )
        for image in inputs
    ]


def light_blocks(images: _Images) -> list[_Images]:
    """Compute the mean and the energies of each block, black -1, in NumPy or in torch.

    Parameters
    ----------
    images
        Shape (N, 224, 224) on [-1024, 1024].

    Returns
    -------
    Five of shape (N, 14, 14): the means, and the mean squares of the detail of one, two, four and
    eight pixels. The energies add up to the variance within the block.
    """
    light: _Images = images / MODEL_LIMIT
    energies: list[_Images] = []
    for _ in range(_HALVINGS):
        light, energy = _halved(light)
        energies.append(_block_means(energy))
    energies.insert(0, light)
    return energies


def _halved(images: _Images) -> tuple[_Images, _Images]:
    """Return the means of 2 x 2 pixels, and their mean square difference from these means."""
    quarters: _Images = images / 4.0
    upper, lower = quarters[:, 0::2], quarters[:, 1::2]
    sums: _Images = upper + lower
    differences: _Images = upper - lower
    left, right = sums[:, :, 0::2], sums[:, :, 1::2]
    down_left, down_right = differences[:, :, 0::2], differences[:, :, 1::2]
    means: _Images = left + right
    across: _Images = left - right
    down: _Images = down_left + down_right
    diagonal: _Images = down_left - down_right
    energy: _Images = across * across + down * down + diagonal * diagonal
    return means, energy


def _block_means(images: _Images) -> _Images:
    side = images.shape[-1] // _MAP_SIDE
    rows = images.reshape(-1, _MAP_SIDE, side, _MAP_SIDE * side).mean(2)
    means: _Images = rows.reshape(-1, _MAP_SIDE, _MAP_SIDE, side).mean(3)
    return means


def _ranked(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the normal scores of blocks, shape (14, 14); equal blocks share theirs."""
    flat = values.round(_DECIMALS).ravel()
    ordered = np.sort(flat)
    twice = np.searchsorted(ordered, flat) + np.searchsorted(ordered, flat, side="right")
    ranked: NDArray[np.float32] = _NORMAL_SCORES[twice].reshape(values.shape)
    return ranked
