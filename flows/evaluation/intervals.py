"""Coverage of prediction intervals: of a system refitted in each half, and of the model as is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flows.labelled_images.features import ImageFeatures, points_of
from severity.domain import Interval, Scale
from severity.evaluation.agreement import Numbers
from severity.evaluation.conformal import (
    Bounds,
    Covered,
    CoveredOnHalves,
    Predicted,
    coverage_of,
    coverage_on_halves,
    predicted_halves,
)
from severity.evaluation.systems import AS_IT_IS, System, rescaled
from severity.models.scoring_model import ScoringModel


@dataclass(frozen=True, eq=False)
class Readers:
    """The readers' points of N images by score, the group of each image, and the scales."""

    observed: Mapping[str, Numbers]
    groups: Sequence[str]
    scales: Mapping[str, Scale]


@dataclass(frozen=True)
class IntervalCoverage:
    """The coverage of one system's intervals: over the whole scale first, then by range."""

    system: str
    score: str
    rows: Sequence[Covered | CoveredOnHalves]


def on_halves(system: System, readers: Readers) -> list[IntervalCoverage]:
    """Fit a system and its margins on one half of each split, and measure coverage on the other.

    Returns
    -------
    An empty list where the halves have too few patients.
    """
    coverages = []
    for (score, observed), inputs in zip(
        readers.observed.items(), (system.extent, system.opacity), strict=True
    ):
        scale = readers.scales[score]
        split = predicted_halves(
            system.fit,
            inputs,
            observed,
            groups=readers.groups,
            scale=scale,
            included=system.included,
        )
        rows = coverage_on_halves(list(split), scale)
        coverages += [IntervalCoverage(system.name, score, rows)] if rows else []
    return coverages


def as_shipped(
    images: Sequence[ImageFeatures], model: ScoringModel, readers: Readers
) -> list[IntervalCoverage]:
    """Measure the coverage of the intervals that the model shows with its scores.

    Returns
    -------
    An empty list for a model without a calibration.
    """
    if model.calibration is None:
        return []
    points = points_of(images, model.head)
    own_scales = (model.version.geographic_extent, model.version.opacity)
    intervals = zip(*model.calibration.intervals(points, own_scales), strict=True)
    coverages = []
    for (score, observed), column, score_intervals, own in zip(
        readers.observed.items(), points.T, intervals, own_scales, strict=True
    ):
        scale = readers.scales[score]
        predicted = rescaled(column, own, scale).clip(scale.lowest, scale.highest)
        rows = coverage_of(
            _bounds(score_intervals, own, scale),
            Predicted(predicted, observed, readers.groups),
            scale,
        )
        coverages.append(IntervalCoverage(AS_IT_IS, score, rows))
    return coverages


def _bounds(intervals: Sequence[Interval], own: Scale, wanted: Scale) -> Bounds:
    low, high = np.array([(interval.low, interval.high) for interval in intervals]).T
    return Bounds(rescaled(low, own, wanted), rescaled(high, own, wanted))
