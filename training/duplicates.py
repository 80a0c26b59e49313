"""Find images that show the same exposure, however they were published.

The collections overlap: the same image comes from a journal's page, a screenshot or
another collection, with other margins, another size, JPEG quality or contrast, or
mirrored. Chest images look alike, so images are compared in two steps: small thumbnails
under a grid of crops find the candidate pairs and where they overlap, and a registration
of each such pair measures how well the fine detail (ribs, vessels, tubes) agrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from training.images import TrainingImage, grey_pixels

SAME_IMAGE = 0.65
"""Agreement of detail from which two images count as the same. On the collections here,
copies reach 0.71 to 1.00 and images of different patients at most 0.61."""

Pixels = NDArray[np.float32]

_SIDE = 192  # pixels of a reduced image
_DARK = 12  # grey levels of 255 within which a line is an empty border
_READ_SIDE = 640  # pixels to which an image is shrunk before its borders are sought
_THUMBNAIL = 32
_MARGINS = (0.0, 0.04, 0.08, 0.13, 0.19)  # shares of a side that a crop may lack at each edge
_SHADING = 4.0  # standard deviation of the shading that is removed there, pixels
_CANDIDATE = 0.75  # correlation of thumbnails; unrelated images reach 0.9
_PAIRS_PER_IMAGE = 2
_FINE_SIDE = 96  # pixels per side at which a pair is registered
_FINE_SHADING = 2.5  # standard deviation of the shading removed there, pixels
_CLIPPED = 2.5  # standard deviations, or one letter or electrode would decide
_SAMPLES = 64  # per side of the part that both images show
_FIRST_STEP, _LAST_STEP = 0.02, 0.002  # of the registration, shares of the side
_SMALLEST_OVERLAP = 0.5


@dataclass(frozen=True)
class Match:
    """An image and the reference that it agrees with best."""

    image: TrainingImage
    reference: TrainingImage
    agreement: float


class ReducedImages:
    """Reduced images by path, so that each file is read once."""

    def __init__(self) -> None:
        self._images: dict[Path, Pixels] = {}

    def of(self, image: TrainingImage) -> Pixels:
        """Return the reduced image, read on first use."""
        if image.path not in self._images:
            self._images[image.path] = reduced(grey_pixels(image.path))
        return self._images[image.path]


def matches(
    references: Sequence[TrainingImage],
    images: Sequence[TrainingImage],
    reduced_images: ReducedImages,
) -> list[Match]:
    """Find the images that show the same exposure as a reference of another patient."""
    overlaps = Overlaps.between(
        [reduced_images.of(reference) for reference in references],
        [reduced_images.of(image) for image in images],
    )
    best_matches = []
    for column, image in enumerate(images):
        rows = [row for row, other in enumerate(references) if other.patient != image.patient]
        likely = sorted(rows, key=lambda row: -overlaps.correlation[row, column])
        best = max(
            (
                Match(image, references[row], overlaps.agreement(row, column))
                for row in likely[:_PAIRS_PER_IMAGE]
                if overlaps.correlation[row, column] >= _CANDIDATE
            ),
            key=lambda match: match.agreement,
            default=None,
        )
        if best is not None and best.agreement >= SAME_IMAGE:
            best_matches.append(best)
    return best_matches


def reduced(pixels: NDArray[np.uint8]) -> Pixels:
    """Cut empty borders, squeeze to a square and replace grey levels by their ranks.

    Parameters
    ----------
    pixels
        Shape (rows, columns), 0 to 255.

    Returns
    -------
    Shape (192, 192) on [0, 1]. Neither the aspect ratio nor the contrast is kept, since
    copies do not keep them either.
    """
    image = Image.fromarray(pixels)
    image.thumbnail((_READ_SIDE, _READ_SIDE), Image.Resampling.BOX)
    inner = Image.fromarray(_without_borders(np.asarray(image)))
    squeezed = np.asarray(inner.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    order = squeezed.ravel().argsort(kind="stable")
    ranks = np.empty(order.size, dtype=np.float32)
    ranks[order] = np.linspace(0, 1, order.size, dtype=np.float32)
    return ranks.reshape(_SIDE, _SIDE)


def _without_borders(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = (np.flatnonzero(_varies(pixels, axis=axis)) for axis in (1, 0))
    if rows.size == 0 or columns.size == 0:
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _varies(pixels: NDArray[np.uint8], *, axis: int) -> NDArray[np.bool_]:
    """Return which lines are no uniform border; by percentiles, to ignore stray letters."""
    low, high = np.percentile(pixels, (2, 98), axis=axis)
    varies: NDArray[np.bool_] = high - low > _DARK
    return varies


def agreement(reference: Pixels, image: Pixels) -> float:
    """Register two images and correlate their detail.

    Parameters
    ----------
    reference, image
        Reduced images, shape (192, 192).

    Returns
    -------
    At most 1, under the best shift and stretch, mirrored or not. Images of different
    exposures stay below `SAME_IMAGE`.
    """
    return Overlaps.between([reference], [image]).agreement(0, 0)


@dataclass(frozen=True)
class Overlaps:
    """The first step: where each pair of images overlaps best, judged on thumbnails.

    Attributes
    ----------
    correlation
        Shape (references, images), at most 1.
    reference_is_cropped
        Same shape: whether the image shows a part of the reference, or the reverse.
    crop, mirrored
        Same shape: the best crop of the cropped image, and whether the other is mirrored.
    """

    references: Sequence[Pixels]
    images: Sequence[Pixels]
    correlation: Pixels
    reference_is_cropped: NDArray[np.bool_]
    crop: NDArray[np.intp]
    mirrored: NDArray[np.bool_]

    @classmethod
    def between(cls, references: Sequence[Pixels], images: Sequence[Pixels]) -> "Overlaps":
        """Try all crops of either image, and mirrored."""
        inside, inside_view = _cropped_against_whole(references, images)
        outside, outside_view = (table.T for table in _cropped_against_whole(images, references))
        cropped = inside >= outside
        view = np.where(cropped, inside_view, outside_view)
        return cls(
            references=references,
            images=images,
            correlation=np.maximum(inside, outside),
            reference_is_cropped=cropped,
            crop=view // 2,
            mirrored=view % 2 == 1,
        )

    def agreement(self, row: int, column: int) -> float:
        """Register one pair, the second step; see the function of this name."""
        reference, image = self.references[row], self.images[column]
        outer, inner = (
            (reference, image) if self.reference_is_cropped[row, column] else (image, reference)
        )
        if self.mirrored[row, column]:
            inner = inner[:, ::-1]
        return _registered(outer, inner, _edges(int(self.crop[row, column])))


def _cropped_against_whole(
    cropped: Sequence[Pixels], whole: Sequence[Pixels]
) -> tuple[Pixels, NDArray[np.intp]]:
    """Correlate all crops of the first with the second, plain (even views) and mirrored (odd)."""
    uncropped = _crop_operators()[:1]
    views = np.concatenate(
        [_thumbnails(view, uncropped) for image in whole for view in (image, image[:, ::-1])]
    )
    best = np.empty((len(cropped), len(whole)), dtype=np.float32)
    best_view = np.empty(best.shape, dtype=np.intp)
    for row, image in enumerate(cropped):
        correlations = _thumbnails(image, _crop_operators()) @ views.T
        by_image = correlations.reshape(-1, len(whole), 2).transpose(0, 2, 1)
        by_image = by_image.reshape(-1, len(whole))
        best_view[row] = by_image.argmax(axis=0)
        best[row] = by_image.max(axis=0)
    return best, best_view


_AXIS_CROPS = tuple((before, 1 - after) for before, after in product(_MARGINS, repeat=2))


def _edges(crop: int) -> NDArray[np.float64]:
    """Look up the top, bottom, left and right edge of a crop, as shares of the sides."""
    vertical, horizontal = divmod(crop, len(_AXIS_CROPS))
    return np.array([*_AXIS_CROPS[vertical], *_AXIS_CROPS[horizontal]])


@cache
def _crop_operators() -> Pixels:
    """Make matrices (25, 32, 192) that crop an axis and average it to 32; uncropped first."""
    pixel = np.arange(_SIDE + 1)
    operators = []
    for first, last in _AXIS_CROPS:
        cuts = np.linspace(first * _SIDE, last * _SIDE, _THUMBNAIL + 1)
        overlap = np.minimum(cuts[1:, None], pixel[1:]) - np.maximum(cuts[:-1, None], pixel[:-1])
        averaging = overlap.clip(0)
        operators.append(averaging / averaging.sum(axis=1, keepdims=True))
    return np.asarray(operators, dtype=np.float32)


@cache
def _smoothing() -> Pixels:
    """Make the matrix (32, 32) that smooths one axis of a thumbnail to its shading."""
    smoothed: Pixels = ndimage.gaussian_filter1d(
        np.eye(_THUMBNAIL, dtype=np.float32), _SHADING, axis=0, mode="nearest"
    )
    return smoothed


def _thumbnails(image: Pixels, operators: Pixels) -> Pixels:
    """Return unit vectors without shading of all crops, shape (operators ** 2, 1024)."""
    smooth = _smoothing() @ operators
    crops = (operators @ image)[:, None] @ operators.transpose(0, 2, 1)
    shading = (smooth @ image)[:, None] @ smooth.transpose(0, 2, 1)
    detail = (crops - shading).reshape(len(operators) ** 2, -1)
    detail -= detail.mean(axis=1, keepdims=True)
    unit: Pixels = detail / np.linalg.norm(detail, axis=1, keepdims=True).clip(1e-9)
    return unit


_MOVES = np.array(
    # Shift, then stretch, of the rows and of the columns.
    [
        *((1, 1, 0, 0), (-1, -1, 0, 0), (0, 0, 1, 1), (0, 0, -1, -1)),
        *((-1, 1, 0, 0), (1, -1, 0, 0), (0, 0, -1, 1), (0, 0, 1, -1)),
    ],
    dtype=float,
)


def _registered(outer: Pixels, inner: Pixels, edges: NDArray[np.float64]) -> float:
    """Climb over shift and stretch of both axes from the best crop of the thumbnails."""
    outer_detail, inner_detail = _detail(outer), _detail(inner)
    best, step = _overlap_correlation(outer_detail, inner_detail, edges), _FIRST_STEP
    while step >= _LAST_STEP:
        before = best
        for move in _MOVES:
            moved = _overlap_correlation(outer_detail, inner_detail, edges + step * move)
            if moved > best:
                best, edges = moved, edges + step * move
        if best == before:
            step /= 2
    return best


def _detail(image: Pixels) -> Pixels:
    """Shrink a reduced image to 96 x 96 and remove its shading."""
    pixels = image.reshape(_FINE_SIDE, 2, _FINE_SIDE, 2).mean(axis=(1, 3))
    detail = pixels - ndimage.gaussian_filter(pixels, _FINE_SHADING, mode="nearest")
    limit = _CLIPPED * detail.std()
    clipped: Pixels = detail.clip(-limit, limit)
    return clipped


def _overlap_correlation(outer: Pixels, inner: Pixels, edges: NDArray[np.float64]) -> float:
    """Correlate the part that both images show; -1 if that is too small."""
    operators = []
    for first, last in (edges[:2], edges[2:]):
        low, high = max(first, 0.0), min(last, 1.0)
        if high - low < _SMALLEST_OVERLAP * max(1.0, last - first):
            return -1.0
        shown = np.linspace(low, high, _SAMPLES)
        operators.append((_sampling(shown), _sampling((shown - first) / (last - first))))
    (rows, inner_rows), (columns, inner_columns) = operators
    first = (rows @ outer @ columns.T).ravel()
    second = (inner_rows @ inner @ inner_columns.T).ravel()
    first, second = first - first.mean(), second - second.mean()
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    return float(first @ second / max(norms, 1e-9))


def _sampling(shares: NDArray[np.float64]) -> Pixels:
    """Make the matrix (samples, 96) of linear interpolation at shares of the side."""
    centres = (shares * _FINE_SIDE - 0.5).clip(0, _FINE_SIDE - 1)
    weights = (1 - np.abs(np.arange(_FINE_SIDE) - centres[:, None])).clip(0)
    return np.asarray(weights, dtype=np.float32)
