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
from severity.models.architectures.efficientnet_lite import MirrorAveraged
from training.images import TrainingImage, grey_pixels

_RISE = 0.1  # share of the scale by which a larger painted opacity raises the score
_LEAST_DEVIATION = 1e-6
_FOLDS = 10
_BATCH = 16
_BLACK, _WHITE = 0.0, 255.0


@dataclass(frozen=True)
class Strength:
    """The weights in a ridge regression: of its penalty and of the auxiliary images."""

    regularisation: float = 400.0
    """For standardised features. From 50 to 400 errors hardly change, and grow slowly above; below
    300 the scores of painted courses fall again where more is painted."""
    rises: float = 0.3
    """Weight of a painted pair, where an image that a reader scored has 1."""
    retaken: float = 1.0
    """Weight of an image that is added a second time, taken differently."""


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
    """Images of other patients than the scored ones that join the fit of a head.

    Few images have readers' extent and opacity. Images with a Brixia score join them with a proxy
    label, the same share of the score's scale as of the Brixia scale: on images that have both
    scores, the mean Brixia score correlates 0.93 with the extent (Signoroni et al. 2021). And for
    any image, a larger painted opacity must raise the score, and the way it was taken must not
    move it.
    """

    features: NDArray[np.floating]
    """Features of the images with a Brixia score, shape (M, F)."""
    share: NDArray[np.floating]
    """Their global Brixia score divided by 18, shape (M,)."""
    rises: NDArray[np.floating]
    """Changes of an image's features when a painted opacity grows, shape (K, F)."""
    retaken: NDArray[np.floating]
    """Changes of them when the image is rotated, shifted and exposed differently, shape (J, F)."""


def fit_head(
    features: NDArray[np.floating],
    points: NDArray[np.floating],
    groups: Sequence[str],
    *,
    auxiliary: AuxiliaryImages,
    maximum: float,
) -> LinearHead:
    """Fit a ridge regression, and stretch it to the readers' scale.

    A ridge regression pulls its predictions to the mean, the more so for images that it was not
    fitted on. How much is measured by leaving out patients, and undone by a line.

    Parameters
    ----------
    features, points, auxiliary, maximum
        As in `fit_ridge`.
    groups
        The patient of each image.
    """
    fit = partial(fit_ridge, auxiliary=auxiliary, maximum=maximum)
    # Not `severity.evaluation.conformal.out_of_fold`: with its five folds and its clipping, the
    # bundled heads would become others.
    unseen = np.zeros(len(points))
    folds = GroupKFold(min(_FOLDS, len(set(groups))))
    for training, test in folds.split(features, groups=groups):
        unseen[test] = fit(features[training], points[training])(features[test])
    line = LinearRegression().fit(unseen[:, None], points)
    slope, offset = float(line.coef_[0]), float(line.intercept_)
    head = fit(features, points)
    return LinearHead(weight=head.weight * slope, bias=head.bias * slope + offset)


def fit_ridge(
    features: NDArray[np.floating],
    points: NDArray[np.floating],
    *,
    auxiliary: AuxiliaryImages,
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
    auxiliary
        Images that join the fit.
    maximum
        The highest value of the scale.
    """
    images = np.concatenate([features, auxiliary.features])
    values = np.concatenate([points, auxiliary.share * maximum])
    centre, deviation = images.mean(axis=0), images.std(axis=0) + _LEAST_DEVIATION
    rise_weight, retaken_weight = math.sqrt(strength.rises), math.sqrt(strength.retaken)
    changes = np.concatenate([rise_weight * auxiliary.rises, retaken_weight * auxiliary.retaken])
    rows = np.concatenate([images - centre, changes]) / deviation
    rise = np.full(len(auxiliary.rises), rise_weight * _RISE * maximum)
    targets = np.concatenate([values - values.mean(), rise, np.zeros(len(auxiliary.retaken))])
    slopes = ridge_slopes(rows, targets, np.array([strength.regularisation]))[0] / deviation
    return LinearHead(weight=slopes, bias=float(values.mean() - centre @ slopes))


def model_inputs(images: Sequence[TrainingImage]) -> Tensor:
    """Prepare the images as for scoring, shape (N, 1, 224, 224) on [-1024, 1024]."""
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
