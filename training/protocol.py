"""The evaluation that every system in the data folder's table went through.

50 random halves, grouped by patient; a linear head is fitted on one half, and its mean
absolute error and correlation are measured on the other.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupShuffleSplit

from training.films import reader_scores

SPLITS = 50
PROTOCOL = (
    "50 random 50/50 splits grouped by patient (GroupShuffleSplit, seeds 0-49); head fitted "
    "on the training half, measured on the other half; predictions clipped to the scale"
)
EXTENT_MAXIMUM = 8.0
OPACITY_MAXIMUM = 6.0

Numbers = NDArray[np.floating]
Predict = Callable[[Numbers], Numbers]
Fit = Callable[[Numbers, Numbers, Sequence[str]], Predict]
"""From features (N, F), points (N,) and patients (N,) to a predictor."""


@dataclass(frozen=True)
class Accuracy:
    """Mean and standard deviation over the splits; errors in points."""

    mae: float
    mae_sd: float
    r: float
    r_sd: float

    def __str__(self) -> str:
        return f"MAE {self.mae:.2f} ± {self.mae_sd:.2f}, r {self.r:.2f} ± {self.r_sd:.2f}"


def halves(groups: Sequence[str]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the films of the 50 training and test halves; no group is in both.

    Groups must be texts: the splitter draws from them in sorted order, so that patients
    numbered 2 and 10 would be split otherwise than "2" and "10", as the table has them.
    """
    rows = np.zeros((len(groups), 1))
    for seed in range(SPLITS):
        splitter = GroupShuffleSplit(n_splits=1, test_size=0.5, random_state=seed)
        yield from splitter.split(rows, groups=groups)


def accuracy(
    features: Numbers,
    points: Numbers,
    *,
    groups: Sequence[str],
    fit: Fit,
    maximum: float | None = None,
) -> Accuracy:
    """Fit and measure a head on every split.

    Parameters
    ----------
    features
        Shape (N, F).
    points
        The readers' mean, shape (N,).
    groups
        The patient of each film; patients who share a film share a group.
    maximum
        Predictions are clipped to [0, maximum]; None leaves them as they are.
    """
    errors, correlations = [], []
    for training, test in halves(groups):
        predict = fit(features[training], points[training], [groups[i] for i in training])
        predicted = predict(features[test])
        if maximum is not None:
            predicted = predicted.clip(0, maximum)
        errors.append(np.abs(predicted - points[test]).mean())
        correlations.append(np.corrcoef(predicted, points[test])[0, 1])
    return Accuracy(
        mae=float(np.mean(errors)),
        mae_sd=float(np.std(errors)),
        r=float(np.mean(correlations)),
        r_sd=float(np.std(correlations)),
    )


def fit_linear(features: Numbers, points: Numbers, _groups: Sequence[str]) -> Predict:
    """Fit ordinary least squares to the single output of a published system."""
    model = LinearRegression().fit(features, points)

    def predict(unseen: Numbers) -> Numbers:
        return np.asarray(model.predict(unseen))

    return predict


PEERS: Mapping[str, tuple[str, str, str]] = {
    "BS-Net": ("bsnet-singlemodel-cidc.csv", "brixia", "brixia"),
    "COVID-Net-Sev": ("covidnet-sev-cidc.csv", "geo", "opacity"),
    "PXS": ("pxs-cidc.csv", "pxs", "pxs"),
    "COVID-Net-S": ("covidnet-s-cidc.csv", "geo", "opacity"),
}
"""Each system's file, and its columns that predict extent and opacity."""


def peer_accuracy(data: Path, peer: str) -> tuple[Accuracy, Accuracy]:
    """Measure a published system's extent and opacity on the films that it scored.

    As in the data folder's table: predictions are not clipped, and the one film whose
    file is missing takes part, since no file is needed here.
    """
    file, for_extent, for_opacity = PEERS[peer]
    with (data / "peers" / file).open(newline="", encoding="utf-8") as lines:
        outputs = {row["fname"]: row for row in csv.DictReader(lines)}
    scores = {name: s for name, s in reader_scores(data).items() if name in outputs}
    groups = [score.patient for score in scores.values()]

    def measured(column: str, points: list[float]) -> Accuracy:
        features = np.array([[float(outputs[name][column])] for name in scores])
        return accuracy(features, np.array(points), groups=groups, fit=fit_linear)

    return (
        measured(for_extent, [score.extent for score in scores.values()]),
        measured(for_opacity, [score.opacity for score in scores.values()]),
    )
