"""The protocol by which every system in the data folder's table was evaluated.

50 random halves, grouped by patient; a linear head is fitted on one half, and its mean
absolute error and correlation are measured on the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flows.evaluation.comparators import COMPARATORS, read_comparator
from severity.domain import Scale
from severity.evaluation.agreement import Numbers, metrics
from severity.evaluation.protocol import over_splits, predictions
from severity.evaluation.regressions import Fit, fit_linear
from training.images import reader_scores

PROTOCOL = (
    "50 random 50/50 splits grouped by patient (GroupShuffleSplit, seeds 0-49); head fitted "
    "on the training half, measured on the other half; predictions clipped to the scale"
)
EXTENT_MAXIMUM = 8.0
OPACITY_MAXIMUM = 6.0


@dataclass(frozen=True)
class Accuracy:
    """Mean and standard deviation over the splits; errors in points."""

    mae: float
    mae_sd: float
    r: float
    r_sd: float

    def __str__(self) -> str:
        return f"MAE {self.mae:.2f} ± {self.mae_sd:.2f}, r {self.r:.2f} ± {self.r_sd:.2f}"


def accuracy(
    features: Numbers,
    points: Numbers,
    *,
    groups: Sequence[str],
    fit: Fit,
    maximum: float | None = None,
) -> Accuracy:
    """Measure a head's accuracy: fit it on one half of every split, and measure it on the other.

    Parameters
    ----------
    features
        Shape (N, F).
    points
        The readers' mean, shape (N,).
    groups
        The patient of each image; patients who share an image share a group.
    maximum
        Predictions are clipped to [0, maximum]; None leaves them as they are.
    """
    means = over_splits(
        [
            metrics(predicted, points[test])
            for test, predicted in predictions(
                fit,
                features,
                points,
                groups=groups,
                scale=None if maximum is None else Scale(0, maximum),
            )
        ]
    )
    mae, r = means["mae"], means["pearson"]
    return Accuracy(mae=mae.mean, mae_sd=mae.sd, r=r.mean, r_sd=r.sd)


def comparator_accuracy(data: Path, comparator: str) -> tuple[Accuracy, Accuracy]:
    """Measure a published system's extent and opacity on the images that it scored.

    As in the data folder's table: predictions are not clipped, and the one image whose
    file is missing is included, since no file is needed here.
    """
    outputs = read_comparator(data / "peers" / COMPARATORS[comparator])
    scores = {name: score for name, score in reader_scores(data).items() if name in outputs}
    groups = [score.patient for score in scores.values()]
    extent, opacity = np.array([outputs[name] for name in scores]).T

    def measured(output: Numbers, points: list[float]) -> Accuracy:
        return accuracy(output[:, None], np.array(points), groups=groups, fit=fit_linear)

    return (
        measured(extent, [score.extent for score in scores.values()]),
        measured(opacity, [score.opacity for score in scores.values()]),
    )
