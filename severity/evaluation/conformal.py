"""Prediction intervals around scores, for images of new patients.

Conformal prediction: how far the readers lie from predictions of images that the fit had not seen
shows how far they will lie from the next one, whatever the distribution. Images of one patient err
alike, so a new image is a draw from a new patient, and each patient counts once however many images
there are of them.

References
----------
* Lee, Barber and Willett 2023, arXiv:2306.06342: groups count once, each image its share of it.
* Dunn, Wasserman and Ramdas 2022, JASA 118:2491, arXiv:1809.07441: why pooled images do not do.
* Barber, Candès, Ramdas and Tibshirani 2021, Annals of Statistics 49:486: out-of-fold residuals.
* Angelopoulos and Bates 2021, arXiv:2107.07511, section 2.3: residuals in units of their size.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from severity.domain import Scale
from severity.evaluation import agreement
from severity.evaluation.agreement import MeanSd, Numbers, mean_interval
from severity.evaluation.regressions import Fit
from severity.evaluation.splits import halves
from severity.reliability.calibration import COVERAGE, Margins

_REACH = 0.15
"""Share of the scale over which sizes of residuals are averaged, as a Gaussian's deviation. From
0.12 to 0.2 little changes; see docs/evaluation.md."""
_RANGE = 2.0
"""Points of predicted scores that one row of a table of coverage spans."""

LEAST_GROUPS_FOR_MARGINS = 9
"""With fewer, only a margin of the whole scale holds 9 of 10 new patients."""

_FOLDS = 5
_KNOTS = 9
_PATIENTS_OF_NO_RANGE = 2.0  # as many patients' weight pulls each size to the mean of all
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Predicted:
    """Images that were predicted by a fit that had not seen their patients.

    Attributes
    ----------
    points
        Predicted, shape (N,), clipped to the scale.
    observed
        The readers' mean, shape (N,).
    groups
        Of each image; see `severity.evaluation.splits.groups_of`.
    """

    points: Numbers
    observed: Numbers
    groups: Sequence[str]


def out_of_fold(
    fit: Fit, features: Numbers, observed: Numbers, *, groups: Sequence[str], scale: Scale
) -> Predicted:
    """Predict each image by a fit on the images of other groups.

    Parameters
    ----------
    features
        Shape (N, F).
    observed
        The readers' mean, shape (N,).

    Raises
    ------
    ValueError
        There are fewer than two groups.
    """
    points = np.empty(len(observed))
    folds = GroupKFold(min(_FOLDS, len(set(groups))))
    for training, test in folds.split(features, groups=groups):
        inside = [groups[place] for place in training]
        predict = fit(features[training], observed[training], inside)
        points[test] = predict(features[test])
    return Predicted(points.clip(scale.lowest, scale.highest), observed, groups)


def margins(
    images: Predicted, scale: Scale, *, coverage: float = COVERAGE, reach: float = _REACH
) -> Margins:
    """Fit margins that hold the readers' mean of a new patient's image.

    Residuals are divided by their usual size around the predicted score, measured on other
    groups; a quantile of these times that size is the margin. So margins are narrow where
    residuals are small, at the ends of the scale, and the coverage does not rest on the sizes
    being right. They are as wide below as above: sides of their own need more images.

    The fit that scores has seen a few images more than those that predicted here, so coverage is
    rather above ``coverage`` than below. The guarantee is on average over patients and over the
    scale, not for each score.

    Parameters
    ----------
    images
        Images from `out_of_fold`, or others that the fit has not seen.
    coverage
        The share of new patients' images whose interval is to hold the readers' mean.
    reach
        Share of the scale over which sizes are averaged; infinite for margins that are the same
        everywhere.

    Returns
    -------
    With fewer groups than the coverage needs (`LEAST_GROUPS_FOR_MARGINS` for 0.9), margins that
    span the scale.
    """
    sizes, weights = np.abs(images.observed - images.points), _weights(images.groups)
    names = np.asarray(images.groups)
    spread = reach * (scale.highest - scale.lowest)

    def usual_size(points: Numbers, *, outside: Sequence[str] | None = None) -> Numbers:
        """Average sizes around points; for each of them without its own group, if it has one."""
        near = np.exp(-(((points[:, None] - images.points) / spread) ** 2) / 2) * weights
        if outside is not None:
            near = np.where(np.asarray(outside)[:, None] == names, 0, near)
        of_all = np.average(sizes, weights=weights) * _PATIENTS_OF_NO_RANGE
        averaged: Numbers = (near @ sizes + of_all) / (near.sum(axis=1) + _PATIENTS_OF_NO_RANGE)
        return averaged

    knots = np.linspace(scale.lowest, scale.highest, _KNOTS)
    relative = sizes / np.maximum(usual_size(images.points, outside=images.groups), _ROUNDING)
    times = grouped_quantile(relative, images.groups, coverage)
    widest = scale.highest - scale.lowest
    margin = widest if math.isinf(times) else np.minimum(times * usual_size(knots), widest)
    at_knots = tuple(np.broadcast_to(margin, knots.shape).tolist())
    return Margins(tuple(knots.tolist()), at_knots, at_knots)


def grouped_quantile(values: Numbers, groups: Sequence[str], coverage: float) -> float:
    """Return the bound of a new group's value that holds with this probability, or more.

    Each of K groups has weight 1/(K + 1), its values equal parts of it, and infinity has the
    last one, for the new group: with one value a group, the quantile of rank
    ceil(coverage (K + 1)).

    Parameters
    ----------
    values
        Shape (N,).

    References
    ----------
    * Lee, Barber and Willett 2023, arXiv:2306.06342, hierarchical conformal prediction.
    """
    weights, order = _weights(groups), np.argsort(values)
    share = np.cumsum(weights[order]) / (len(set(groups)) + 1)
    place = int(np.searchsorted(share, coverage - _ROUNDING))
    return float(values[order[place]]) if place < len(values) else math.inf


def _weights(groups: Sequence[str]) -> NDArray[np.float64]:
    """Return each image's weight: an equal part of its group's weight of 1."""
    _, members, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1 / counts[members]
    return weights


@dataclass(frozen=True, eq=False)
class Bounds:
    """The ends of the intervals of N images, shape (N,) each."""

    low: Numbers
    high: Numbers

    @classmethod
    def around(cls, points: Numbers, margins: Margins, scale: Scale) -> "Bounds":
        """Return the intervals that a model with these margins would show."""
        intervals = margins.around(points, scale)
        return cls(
            np.array([interval.low for interval in intervals]),
            np.array([interval.high for interval in intervals]),
        )

    def contain(self, observed: Numbers) -> NDArray[np.bool_]:
        """Return which intervals contain the readers' points."""
        return (self.low - _ROUNDING <= observed) & (observed <= self.high + _ROUNDING)


@dataclass(frozen=True)
class Covered:
    """The share of intervals that hold the readers' mean, for scores from ``low`` to ``high``.

    ``share`` has a 95 % interval from draws of patients; ``width`` is the mean one, in points.
    """

    low: float
    high: float
    images: int
    share: agreement.ConfidenceInterval
    width: float


def coverage_of(bounds: Bounds, images: Predicted, scale: Scale) -> list[Covered]:
    """Measure the coverage of intervals: how many hold the readers' mean.

    Returns
    -------
    The coverage of all images first, then of each range of predicted scores that has any.
    """
    contained = bounds.contain(images.observed).astype(float)
    return [
        Covered(
            low=low,
            high=high,
            images=len(inside),
            share=mean_interval(contained[inside], [images.groups[place] for place in inside]),
            width=float((bounds.high - bounds.low)[inside].mean()),
        )
        for low, high, inside in _ranges(images.points, scale)
        if len(inside)
    ]


def _ranges(points: Numbers, scale: Scale) -> Iterator[tuple[float, float, NDArray[np.intp]]]:
    """Yield the ends of a range and the images in it: of the whole scale, then of its parts."""
    yield scale.lowest, scale.highest, np.arange(len(points))
    edges = [*np.arange(scale.lowest, scale.highest - _ROUNDING, _RANGE).tolist(), scale.highest]
    # A score at the end of the scale belongs to the last range.
    number = np.searchsorted(edges[1:-1], points, side="right")
    for place, (low, high) in enumerate(pairwise(edges)):
        yield low, high, np.flatnonzero(number == place)


@dataclass(frozen=True, eq=False)
class PredictedHalf:
    """One split: the training half predicted out of fold, the other by a fit on all of it."""

    training: Predicted
    test: Predicted


def predicted_halves(  # noqa: PLR0913 - what a split is made of
    fit: Fit,
    features: Numbers,
    observed: Numbers,
    *,
    groups: Sequence[str],
    scale: Scale,
    included: NDArray[np.bool_] | None = None,
) -> Iterator[PredictedHalf]:
    """Predict both halves of each split of the evaluation; see `protocol.predictions`.

    Splits whose training half has fewer than `LEAST_GROUPS_FOR_MARGINS` are left out.
    """
    for split in halves(groups):
        training, test = (half if included is None else half[included[half]] for half in split)
        inside, outside = ([groups[place] for place in half] for half in (training, test))
        if len(set(inside)) < LEAST_GROUPS_FOR_MARGINS or not outside:
            continue
        predict = fit(features[training], observed[training], inside)
        points = predict(features[test]).clip(scale.lowest, scale.highest)
        yield PredictedHalf(
            out_of_fold(fit, features[training], observed[training], groups=inside, scale=scale),
            Predicted(points, observed[test], outside),
        )


@dataclass(frozen=True)
class CoveredOnHalves:
    """`Covered` over the splits: ``images`` is their mean number in the test half."""

    low: float
    high: float
    images: float
    share: MeanSd
    width: MeanSd


def coverage_on_halves(
    split: Sequence[PredictedHalf], scale: Scale, *, reach: float = _REACH
) -> list[CoveredOnHalves]:
    """Fit margins on the training half of each split and measure their coverage on the other.

    Returns
    -------
    As `coverage_of`. A range's mean is over the splits that have images there.
    """
    measured: dict[tuple[float, float], list[Covered]] = {}
    for half in split:
        fitted = margins(half.training, scale, reach=reach)
        bounds = Bounds.around(half.test.points, fitted, scale)
        for covered in coverage_of(bounds, half.test, scale):
            measured.setdefault((covered.low, covered.high), []).append(covered)
    return [
        CoveredOnHalves(
            low=low,
            high=high,
            images=sum(covered.images for covered in per_split) / len(split),
            share=MeanSd.of([covered.share.value for covered in per_split]),
            width=MeanSd.of([covered.width for covered in per_split]),
        )
        for (low, high), per_split in sorted(measured.items(), key=_whole_first)
    ]


def _whole_first(item: tuple[tuple[float, float], object]) -> tuple[float, float]:
    (low, high), _ = item
    return low, -high
