"""The linear head: one ridge regression per score on the backbone's features."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold
from torch import Tensor

from severity.evaluation.regressions import ridge_slopes
from severity.images.grey_image import GreyImage
from severity.images.preprocessing import to_model_input
from severity.models.efficientnet_lite import MirrorAveraged
from training.images import TrainingImage, grey_pixels

_RISE = 0.1  # of the scale, what a larger painted opacity adds
_LEAST_DEVIATION = 1e-6
_FOLDS = 10
_BATCH = 16
_BLACK, _WHITE = 0.0, 255.0


@dataclass(frozen=True)
class Strength:
    """How a ridge regression weighs what it is told."""

    regularisation: float = 400.0
    """For standardised features. From 50 to 400 errors hardly change, and grow slowly above; below
    300 the scores of painted courses fall again where more is painted."""
    rises: float = 0.3
    """Weight of a painted pair, where an image that a reader scored has 1."""
    stills: float = 1.0
    """Likewise of an image that is shown a second time, taken otherwise."""


@dataclass(frozen=True)
class LinearHead:
    """Points from raw features; the standardisation of the features is folded in."""

    weight: NDArray[np.float64]
    """Shape (features,)."""
    bias: float

    def __call__(self, features: NDArray[np.floating]) -> NDArray[np.floating]:
        """Predict points of shape (N,), not clipped, from features of shape (N, features)."""
        points: NDArray[np.floating] = features @ self.weight + self.bias
        return points


@dataclass(frozen=True)
class AuxiliaryImages:
    """What images of other patients than the scored ones add when a head is fitted.

    Few images have readers' extent and opacity. Images with a Brixia score join them, their share
    of the Brixia scale standing in for the share of the score's: on images that have both, the
    mean Brixia score correlates 0.93 with the extent (Signoroni et al. 2021). And of any image
    it is known that a larger painted opacity must raise the score, and that how it was taken
    must not move it.
    """

    features: NDArray[np.floating]
    """Shape (M, F), of the images with a Brixia score."""
    share: NDArray[np.floating]
    """Shape (M,), the global Brixia score divided by 18."""
    rises: NDArray[np.floating]
    """Shape (K, F), how the features of an image change when a painted opacity grows."""
    stills: NDArray[np.floating]
    """Shape (J, F), how they change when the image is rotated, shifted and exposed otherwise."""


def fit_head(
    features: NDArray[np.floating],
    points: NDArray[np.floating],
    groups: Sequence[str],
    *,
    also: AuxiliaryImages,
    maximum: float,
) -> LinearHead:
    """Fit a ridge regression, and stretch it to the readers' scale.

    A ridge regression pulls its predictions to the mean, the more so for images that it was not
    fitted on. How much is measured by leaving out patients, and undone by a line.

    Parameters
    ----------
    features, points, also, maximum
        As in `fit_ridge`.
    groups
        The patient of each image.
    """
    fit = partial(fit_ridge, also=also, maximum=maximum)
    # Not `severity.evaluation.conformal.out_of_fold`: with its five folds and its clipping, the
    # bundled heads would become others.
    unseen = np.zeros(len(points))
    folds = GroupKFold(min(_FOLDS, len(set(groups))))
    for kept, left in folds.split(features, groups=groups):
        unseen[left] = fit(features[kept], points[kept])(features[left])
    line = LinearRegression().fit(unseen[:, None], points)
    slope, offset = float(line.coef_[0]), float(line.intercept_)
    whole = fit(features, points)
    return LinearHead(weight=whole.weight * slope, bias=whole.bias * slope + offset)


def fit_ridge(
    features: NDArray[np.floating],
    points: NDArray[np.floating],
    *,
    also: AuxiliaryImages,
    maximum: float,
    strength: Strength = Strength(),
) -> LinearHead:
    """Fit a ridge regression on standardised features.

    Parameters
    ----------
    features
        Shape (N, F).
    points
        Shape (N,).
    also
        Images that join the fit.
    maximum
        The highest of the points.
    """
    images = np.concatenate([features, also.features])
    values = np.concatenate([points, also.share * maximum])
    centre, deviation = images.mean(axis=0), images.std(axis=0) + _LEAST_DEVIATION
    rises, stills = math.sqrt(strength.rises), math.sqrt(strength.stills)
    changes = np.concatenate([rises * also.rises, stills * also.stills])
    rows = np.concatenate([images - centre, changes]) / deviation
    rise = np.full(len(also.rises), rises * _RISE * maximum)
    targets = np.concatenate([values - values.mean(), rise, np.zeros(len(also.stills))])
    slopes = ridge_slopes(rows, targets, np.array([strength.regularisation]))[0] / deviation
    return LinearHead(weight=slopes, bias=float(values.mean() - centre @ slopes))


def model_inputs(images: Sequence[TrainingImage]) -> Tensor:
    """Prepare the images as they will be scored, shape (N, 1, 224, 224) on [-1024, 1024]."""
    inputs = [to_model_input(_grey(image)) for image in images]
    return torch.from_numpy(np.stack(inputs))[:, None]


def _grey(image: TrainingImage) -> GreyImage:
    pixels = np.ascontiguousarray(grey_pixels(image.path))
    return GreyImage(pixels, _BLACK, _WHITE, *pixels.shape)


def features_of(network: MirrorAveraged, inputs: Tensor) -> NDArray[np.float64]:
    """Compute the features of images.

    Parameters
    ----------
    inputs
        Shape (N, 1, rows, columns) on [-1024, 1024].

    Returns
    -------
    Shape (N, features).
    """
    network.eval()
    with torch.inference_mode():
        parts = [network(part) for part in torch.split(inputs, _BATCH)]
    return np.asarray(torch.cat(parts).double())
