"""Changes to an image that change nothing about the patient: rotation, crop, exposure, JPEG.

They are applied to decoded grey values, so that their effect on a score includes the whole
preprocessing.
"""

import io
from collections.abc import Callable, Iterator
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from severity.images.grey_image import GreyImage

MOST_DEGREES = 5.0
"""An image is rotated by up to as many degrees, either way."""
MOST_CROPPED = 0.05
"""Share of the height or width that each edge may lose."""
MOST_GAMMA = 1.25
"""Grey levels are raised to a power between its inverse and it."""
MOST_CONTRAST, MOST_BRIGHTNESS = 0.10, 0.05
"""Then spread around mid-grey by up to this share, and shifted by up to this one, of full scale."""
QUALITIES = (50, 95)
"""The range of JPEG qualities, both ends included."""

_Shares = NDArray[np.float32]
"""Shape (rows, columns), 0 is black and 1 is white."""


class Perturbation(StrEnum):
    """The kind of change to an image."""

    ROTATION = "rotation"
    CROP = "crop"
    EXPOSURE = "exposure"
    JPEG = "jpeg"
    ALL = "all together"


VERSIONS = {
    Perturbation.ROTATION: 2,
    Perturbation.CROP: 2,
    Perturbation.EXPOSURE: 2,
    Perturbation.JPEG: 2,
    Perturbation.ALL: 4,
}
"""The number of versions that are scored. The unchanged image is not among them: it lies in the
middle of what could happen to it, and versions differ from it by less than from each other."""


def versions(grey: GreyImage, *, seed: int) -> Iterator[tuple[Perturbation, GreyImage]]:
    """Yield every version of an image, one after the other."""
    kinds = [kind for kind, number in VERSIONS.items() for _ in range(number)]
    for number, kind in enumerate(kinds):
        yield kind, perturbed(grey, kind, seed=seed + number)


def perturbed(grey: GreyImage, kind: Perturbation, *, seed: int) -> GreyImage:
    """Change an image at random; equal seeds make equal changes.

    Parameters
    ----------
    grey
        Of any band; a low-pass band counts as an image of its own, of half the size.

    Returns
    -------
    Values as shares, 0 for black and 1 for white. Only a crop changes the size. Pixels
    that a rotation moves in from outside are black.
    """
    generator = np.random.default_rng(seed)
    shares = _shares(grey)
    for change in _CHANGES[kind]:
        shares = change(shares, generator)
    return GreyImage(np.ascontiguousarray(shares), 0.0, 1.0, *shares.shape)


def _shares(grey: GreyImage) -> _Shares:
    black, white = np.float32(grey.black), np.float32(grey.white)
    shares: _Shares = grey.values.astype(np.float32)
    shares -= black
    shares /= white - black
    return shares.clip(0, 1, out=shares)  # a low-pass band overshoots


def _rotated(shares: _Shares, generator: np.random.Generator) -> _Shares:
    degrees = generator.uniform(-MOST_DEGREES, MOST_DEGREES)
    rotated = Image.fromarray(shares).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=0)
    return np.asarray(rotated)


def _cropped(shares: _Shares, generator: np.random.Generator) -> _Shares:
    rows, columns = shares.shape
    lost = generator.uniform(0, MOST_CROPPED, size=4) * (rows, rows, columns, columns)
    top, bottom, left, right = lost.astype(int).tolist()
    return shares[top : rows - bottom, left : columns - right]


def _exposed(shares: _Shares, generator: np.random.Generator) -> _Shares:
    gamma = np.float32(MOST_GAMMA ** generator.uniform(-1, 1))
    contrast = np.float32(1 + generator.uniform(-MOST_CONTRAST, MOST_CONTRAST))
    brightness = np.float32(generator.uniform(-MOST_BRIGHTNESS, MOST_BRIGHTNESS))
    middle = np.float32(0.5)
    exposed: _Shares = shares**gamma
    exposed -= middle
    exposed *= contrast
    exposed += middle + brightness
    return exposed.clip(0, 1, out=exposed)


def _compressed(shares: _Shares, generator: np.random.Generator) -> _Shares:
    quality, file = int(generator.integers(*QUALITIES, endpoint=True)), io.BytesIO()
    levels = np.rint(shares * np.float32(255)).astype(np.uint8)
    Image.fromarray(levels).save(file, "JPEG", quality=quality)
    restored: _Shares = np.asarray(Image.open(file)).astype(np.float32) / np.float32(255)
    return restored


_Change = Callable[[_Shares, np.random.Generator], _Shares]
_ALONE: dict[Perturbation, _Change] = {
    Perturbation.ROTATION: _rotated,
    Perturbation.CROP: _cropped,
    Perturbation.EXPOSURE: _exposed,
    Perturbation.JPEG: _compressed,
}
_CHANGES = {kind: (change,) for kind, change in _ALONE.items()} | {
    Perturbation.ALL: tuple(_ALONE.values())
}
