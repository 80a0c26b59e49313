"""What prediction intervals hold, of a system refitted in each half and of the model as it is."""

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
    """What readers said, by score, of N images; the group of each image; their scales."""

    observed: Mapping[str, Numbers]
    groups: Sequence[str]
    scales: Mapping[str, Scale]


@dataclass(frozen=True)
class IntervalCoverage:
    """How much one system's intervals hold: over the whole scale first, then by range."""

    system: str
    score: str
    rows: Sequence[Covered | CoveredOnHalves]


def on_halves(system: System, readers: Readers) -> list[IntervalCoverage]:
    """Fit a system and its margins on one half of each split, and count on the other.

    Returns
    -------
    Nothing where the halves have too few patients.
    """
    found = []
    for (score, observed), given in zip(
        readers.observed.items(), (system.extent, system.opacity), strict=True
    ):
        scale = readers.scales[score]
        split = predicted_halves(
            system.fit,
            given,
            observed,
            groups=readers.groups,
            scale=scale,
            included=system.included,
        )
        rows = coverage_on_halves(list(split), scale)
        found += [IntervalCoverage(system.name, score, rows)] if rows else []
    return found


def as_shipped(
    images: Sequence[ImageFeatures], model: ScoringModel, readers: Readers
) -> list[IntervalCoverage]:
    """Count what the intervals hold that the model shows with its scores.

    Returns
    -------
    Nothing for a model without a calibration.
    """
    if model.calibration is None:
        return []
    points = points_of(images, model.head)
    given = (model.version.geographic_extent, model.version.opacity)
    intervals = zip(*model.calibration.intervals(points, given), strict=True)
    found = []
    for (score, observed), column, theirs, own in zip(
        readers.observed.items(), points.T, intervals, given, strict=True
    ):
        scale = readers.scales[score]
        predicted = rescaled(column, own, scale).clip(scale.lowest, scale.highest)
        rows = coverage_of(
            _bounds(theirs, own, scale), Predicted(predicted, observed, readers.groups), scale
        )
        found.append(IntervalCoverage(AS_IT_IS, score, rows))
    return found


def _bounds(intervals: Sequence[Interval], own: Scale, wanted: Scale) -> Bounds:
    low, high = np.array([(one.low, one.high) for one in intervals]).T
    return Bounds(rescaled(low, own, wanted), rescaled(high, own, wanted))
