"""What compact-2 makes of real images whose gain, gamma or local contrast is changed.

``python -m benchmarks.altered_images FOLDER ...`` prints, for each change, by how much the charts
of `severity.drift` would see scores and the distance to known films move.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.exposure import equalize_adapthist

from severity.images.grey_image import GreyImage
from severity.models.bundled import load_bundled
from severity.models.scoring_model import Placement, ScoringModel

_Shares = NDArray[np.float32]
"""Shape (rows, columns), 0 is black and 1 is white."""

_BATCH = 8

CHANGES: dict[str, Callable[[_Shares], _Shares]] = {
    "none": lambda shares: shares,
    "gain 0.8": lambda shares: shares * np.float32(0.8),
    "gain 1.25, white clipped": lambda shares: (shares * np.float32(1.25)).clip(0, 1),
    "gain 1.5, white clipped": lambda shares: (shares * np.float32(1.5)).clip(0, 1),
    "gamma 0.7": lambda shares: shares ** np.float32(0.7),
    "gamma 1.4": lambda shares: shares ** np.float32(1.4),
    "CLAHE 0.01": lambda shares: equalize_adapthist(shares, clip_limit=0.01).astype(np.float32),
    "CLAHE 0.03": lambda shares: equalize_adapthist(shares, clip_limit=0.03).astype(np.float32),
}
"""Each of the whole image, as a station's new setting would be."""


@dataclass(frozen=True)
class Values:
    """What the charts see of N images: extent in points, and the logarithm of the distance."""

    extent: NDArray[np.float64]
    log_distance: NDArray[np.float64]


def values_of(model: ScoringModel, images: Sequence[_Shares], change: str) -> Values:
    """Score images after a change of `CHANGES`."""
    scores = []
    for start in range(0, len(images), _BATCH):
        changed = [CHANGES[change](image) for image in images[start : start + _BATCH]]
        greys = [GreyImage(np.ascontiguousarray(one), 0.0, 1.0, *one.shape) for one in changed]
        scores += model.score([model.prepare(grey) for grey in greys])
    checks = [score.distribution_check for score in scores]
    return Values(
        np.array([score.geographic_extent_raw for score in scores]),
        np.log([check.distance if check else np.nan for check in checks]),
    )


def read_shares(path: Path) -> _Shares:
    """Read a PNG or JPEG file as shares of full scale."""
    with Image.open(path) as image:
        shares: _Shares = np.asarray(image.convert("L"), np.float32) / np.float32(255)
        return shares


def main(folders: Sequence[str]) -> None:
    """Print the table for all images of the folders."""
    model = load_bundled("compact-2", Placement())
    paths = sorted(path for folder in folders for path in Path(folder).iterdir())
    images = [read_shares(path) for path in paths]
    unchanged = values_of(model, images, "none")
    spread = unchanged.extent.std(), unchanged.log_distance.std()
    sys.stdout.write(f"{len(images)} images; SD {spread[0]:.2f} points, {spread[1]:.3f} of ln d\n")
    for change in CHANGES:
        after = values_of(model, images, change)
        extent = after.extent - unchanged.extent
        distance = after.log_distance - unchanged.log_distance
        sys.stdout.write(
            f"| {change} | {extent.mean():+.2f} | {extent.std():.2f} "
            f"| {distance.mean():+.3f} | {distance.mean() / spread[1]:+.2f} "
            f"| {(after.log_distance > 0).mean():.0%} |\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
