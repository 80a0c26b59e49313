"""The linear head: one ridge regression per score on the backbone's features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from severity.efficientnet_lite import EfficientNetLite0
from severity.grey import GreyImage
from severity.preprocessing import to_model_input
from training.films import Film, grey_pixels

REGULARISATION = 500.0
"""Below 300 the scores of some painted courses fall again; above, errors grow slowly."""
_RISE = 0.1  # of the scale, what a larger painted opacity adds
_LEAST_DEVIATION = 1e-6
_BATCH = 16
_BLACK, _WHITE = 0.0, 255.0


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
class OtherFilms:
    """What films of other patients than the scored ones add when a head is fitted.

    Few films have readers' extent and opacity. Films with a Brixia score join them, their share
    of the Brixia scale standing in for the share of the score's: on films that have both, the
    mean Brixia score correlates 0.93 with the extent (Signoroni et al. 2021). And of any film
    it is known that a larger painted opacity must raise the score.
    """

    features: NDArray[np.floating]
    """Shape (M, F), of the films with a Brixia score."""
    share: NDArray[np.floating]
    """Shape (M,), the global Brixia score divided by 18."""
    rises: NDArray[np.floating]
    """Shape (K, F), how the features of a film change when a painted opacity grows."""


def fit_ridge(
    features: NDArray[np.floating],
    points: NDArray[np.floating],
    _groups: Sequence[str] = (),
    *,
    also: OtherFilms,
    maximum: float,
) -> LinearHead:
    """Fit a ridge regression on standardised features.

    Parameters
    ----------
    features
        Shape (N, F).
    points
        Shape (N,).
    also
        Films that join the fit.
    maximum
        The highest of the points.
    """
    films = np.concatenate([features, also.features])
    values = np.concatenate([points, also.share * maximum])
    centre, deviation = films.mean(axis=0), films.std(axis=0) + _LEAST_DEVIATION
    rows = np.concatenate([(films - centre) / deviation, also.rises / deviation])
    targets = np.concatenate([values - values.mean(), np.full(len(also.rises), _RISE * maximum)])
    # Fewer rows than features: the dual form is the small one.
    kernel = rows @ rows.T + REGULARISATION * np.eye(len(rows))
    weight = rows.T @ np.linalg.solve(kernel, targets) / deviation
    return LinearHead(weight=weight, bias=float(values.mean() - centre @ weight))


def model_inputs(films: Sequence[Film]) -> Tensor:
    """Prepare the films as they will be scored, shape (N, 1, 224, 224) on [-1024, 1024]."""
    inputs = [to_model_input(_grey(film)) for film in films]
    return torch.from_numpy(np.stack(inputs))[:, None]


def _grey(film: Film) -> GreyImage:
    pixels = np.ascontiguousarray(grey_pixels(film.path))
    return GreyImage(pixels, _BLACK, _WHITE, *pixels.shape)


def mirrored_features(backbone: EfficientNetLite0, inputs: Tensor) -> NDArray[np.float64]:
    """Average the features over each film and its mirror image.

    Parameters
    ----------
    inputs
        Shape (N, 1, rows, columns) on [-1024, 1024].

    Returns
    -------
    Shape (N, 1280).
    """
    backbone.eval()
    with torch.inference_mode():
        both = [
            (backbone(part) + backbone(part.flip(-1))) / 2 for part in torch.split(inputs, _BATCH)
        ]
    return np.asarray(torch.cat(both).double())
