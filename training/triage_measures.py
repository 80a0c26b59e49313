"""Measures of agreement between probabilities of classes and the classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.triage_images import Places

RESAMPLES = 1000
_BEYOND = 0.025  # share of the resamples on either side of an interval
_BINS = 10  # of the calibration error, over the probability of the likeliest class

Numbers = NDArray[np.floating]
Weights = NDArray[np.float64]
"""Shape (B, N): how often each image is in each of B resamples."""


@dataclass(frozen=True)
class Measured:
    """A measure with the interval that holds it in 95 of 100 draws of patients."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def resamples(groups: Sequence[str], *, seed: int = 0) -> Weights:
    """Draw bootstrap resamples of groups, each group with all of its images.

    Returns
    -------
    Shape (1 + 1000, N); the first row holds each image once.
    """
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    count = int(members.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, [1 / count] * count, size=RESAMPLES)
    return np.concatenate([np.ones((1, len(members))), drawn[:, members].astype(float)])


def measured(values: Sequence[Numbers]) -> Measured:
    """Average a measure over repeats, with its interval.

    Parameters
    ----------
    values
        For each repeat shape (B,), over the rows of `resamples`.
    """
    mean = np.mean(values, axis=0)
    low, high = np.nanquantile(mean[1:], (_BEYOND, 1 - _BEYOND))
    return Measured(float(mean[0]), float(low), float(high))


def recalls(probabilities: Numbers, classes: Places, weights: Weights) -> Numbers:
    """Compute the recall of each class: the share of its images with that likeliest class.

    Returns
    -------
    Shape (B, classes); NaN where a resample has no image of the class.
    """
    right = probabilities.argmax(axis=1) == classes
    one_hot = np.eye(probabilities.shape[1])[classes]
    with np.errstate(invalid="ignore"):
        shares: Numbers = (weights @ (one_hot * right[:, None])) / (weights @ one_hot)
    return shares


def balanced_accuracy(probabilities: Numbers, classes: Places, weights: Weights) -> Numbers:
    """Average `recalls` over the classes present, shape (B,)."""
    present = np.unique(classes)
    mean: Numbers = recalls(probabilities, classes, weights)[:, present].mean(axis=1)
    return mean


def auroc(scores: Numbers, positive: NDArray[np.bool_], weights: Weights) -> Numbers:
    """Compute the AUROC: how often a positive image scores higher than a negative; ties count half.

    Parameters
    ----------
    scores, positive
        Shape (N,).

    Returns
    -------
    Shape (B,); NaN where a resample has only one kind.
    """
    order = np.argsort(scores, kind="stable")
    _, starts = np.unique(scores[order], return_index=True)
    above, below = (
        np.add.reduceat(weights[:, order] * kind[order], starts, axis=1)
        for kind in (positive, ~positive)
    )
    beaten = below.cumsum(axis=1) - below / 2
    with np.errstate(invalid="ignore"):
        area: Numbers = (above * beaten).sum(axis=1) / (above.sum(axis=1) * below.sum(axis=1))
    return area


def brier(probabilities: Numbers, classes: Places, weights: Weights) -> Numbers:
    """Average the squared distance to the true class (0 to 2), each class counting the same."""
    errors = ((probabilities - np.eye(probabilities.shape[1])[classes]) ** 2).sum(axis=1)
    mean: Numbers = _balanced(weights, classes) @ errors
    return mean


def calibration_error(probabilities: Numbers, classes: Places, weights: Weights) -> Numbers:
    """Average the distance of the likeliest class's probability from how often it is right.

    Over ten bins of that probability, each class counting the same, shape (B,).
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes
    in_bin = np.eye(_BINS)[np.minimum((confidence * _BINS).astype(int), _BINS - 1)]
    gaps = _balanced(weights, classes) @ (in_bin * (confidence - right)[:, None])
    error: Numbers = np.abs(gaps).sum(axis=1)
    return error


def confusion(probabilities: Numbers, classes: Places) -> NDArray[np.intp]:
    """Count images by class (rows) and likeliest class (columns)."""
    size = probabilities.shape[1]
    cells = np.bincount(classes * size + probabilities.argmax(axis=1), minlength=size * size)
    return cells.reshape(size, size)


def _balanced(weights: Weights, classes: Places) -> Weights:
    """Scale each row so that each class in it counts the same and the row sums to one."""
    one_hot = np.eye(int(classes.max()) + 1)[classes]
    totals = weights @ one_hot
    shares = np.divide(1, totals, out=np.zeros_like(totals), where=totals > 0)
    classes_present = np.count_nonzero(totals, axis=1)[:, None]
    scaled: Weights = weights * (shares @ one_hot.T) / classes_present
    return scaled
