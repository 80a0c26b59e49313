"""The evaluation of Cohen et al. 2020: fit on one half, measure on the other, 50 times."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from severity.domain import Scale
from severity.evaluation.agreement import (
    ConfidenceInterval,
    LimitsOfAgreement,
    MeanSd,
    Metrics,
    Numbers,
    limits_of_agreement,
    mae_interval,
    metrics,
)
from severity.evaluation.regressions import Fit
from severity.evaluation.splits import Places, halves
from severity.evaluation.systems import System

METRICS = tuple(field.name for field in fields(Metrics))
LEAST_GROUPS = 4
"""Fewer leave a half with one patient, in which nothing can be chosen."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One system's agreement with the readers on one score.

    Attributes
    ----------
    metrics
        Over the splits, by the names in `METRICS`.
    predicted
        Shape (N,): for each image the mean of its predictions from those splits that had it in
        the test half; NaN for images that the system has no numbers for.
    mae
        Of ``predicted``, which is a little better than that of a single split.
    limits
        Of ``predicted``.
    """

    images: int
    groups: int
    metrics: Mapping[str, MeanSd]
    predicted: Numbers
    mae: ConfidenceInterval
    limits: LimitsOfAgreement


def measure(
    system: System,
    points: Numbers,
    *,
    groups: Sequence[str],
    scale: Scale,
    opacity: bool,
) -> Measured:
    """Measure a system on one score.

    Parameters
    ----------
    points
        The readers' mean, shape (N,).
    groups
        Of each image; see `severity.evaluation.splits.groups_of`.
    scale
        The scale of the points; predictions are clipped to it.
    opacity
        Whether opacity is measured, or else geographic extent.
    """
    features = system.opacity if opacity else system.extent
    sums, counts, per_split = np.zeros(len(points)), np.zeros(len(points)), []
    for test, predicted in predictions(
        system.fit, features, points, groups=groups, included=system.included, scale=scale
    ):
        per_split.append(metrics(predicted, points[test]))
        sums[test] += predicted
        counts[test] += 1
    averaged = np.divide(sums, counts, out=np.full(len(points), np.nan), where=counts > 0)
    tested = np.flatnonzero(counts).tolist()
    inside = [groups[place] for place in tested]
    return Measured(
        images=len(tested),
        groups=len(set(inside)),
        metrics=over_splits(per_split),
        predicted=averaged,
        mae=mae_interval((averaged - points)[tested], inside),
        limits=limits_of_agreement(averaged[tested], points[tested]),
    )


def predictions(  # noqa: PLR0913 - what a split is made of
    fit: Fit,
    features: Numbers,
    points: Numbers,
    *,
    groups: Sequence[str],
    included: NDArray[np.bool_] | None = None,
    scale: Scale | None = None,
) -> Iterator[tuple[Places, Numbers]]:
    """Fit on the one half of each split and predict the other.

    Parameters
    ----------
    features
        Shape (N, F).
    points, groups
        Of N images.
    included
        The images that take part, all if None; the splits are the same whichever they are.
    scale
        Predictions are clipped to it; None leaves them as they are.

    Yields
    ------
    The images of the test half, by place, and what is predicted for them.
    """
    for split in halves(groups):
        training, test = (half if included is None else half[included[half]] for half in split)
        if not (len(training) and len(test)):
            continue
        predict = fit(features[training], points[training], [groups[place] for place in training])
        predicted = predict(features[test])
        yield test, predicted if scale is None else predicted.clip(scale.lowest, scale.highest)


def over_splits(per_split: Sequence[Metrics]) -> dict[str, MeanSd]:
    """Compute mean and standard deviation of each metric over the splits."""
    return {name: MeanSd.of([getattr(split, name) for split in per_split]) for name in METRICS}
