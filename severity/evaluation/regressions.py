"""The regressions of the evaluation, which predict points from features."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold

from severity.evaluation.agreement import Numbers

Predict = Callable[[Numbers], Numbers]
"""From features (M, F) to points (M,)."""
Fit = Callable[[Numbers, Numbers, Sequence[str]], Predict]
"""From features (N, F), points (N,) and groups (N,) to a predictor."""

STRENGTHS = np.logspace(0, 5, 11)
"""The regularisations among which `fit_ridge` chooses, for standardised features."""

_FOLDS = 5


def fit_linear(features: Numbers, points: Numbers, _groups: Sequence[str]) -> Predict:
    """Fit ordinary least squares."""
    model = LinearRegression().fit(features, points)

    def predict(unseen: Numbers) -> Numbers:
        return np.asarray(model.predict(unseen))

    return predict


def fit_mean(_features: Numbers, points: Numbers, _groups: Sequence[str]) -> Predict:
    """Predict the mean of the training half, whatever the image."""
    mean = points.mean()
    return lambda unseen: np.full(len(unseen), mean)


def fit_nothing(_features: Numbers, _points: Numbers, _groups: Sequence[str]) -> Predict:
    """Predict the only feature itself: the points of a head that is used as it is."""
    return lambda unseen: unseen[:, 0]


def fit_ridge(features: Numbers, points: Numbers, groups: Sequence[str]) -> Predict:
    """Fit a ridge regression on standardised features.

    Its regularisation is the one of `STRENGTHS` with the least squared error in a
    cross-validation within the training half, in which no group is on both sides either.
    """
    best, _ = chosen_ridge(features, points, groups)
    return lambda unseen: best(unseen)[:, 0]


@dataclass(frozen=True, eq=False)
class Ridges:
    """Ridge regressions on standardised features, one for each of S regularisations.

    ``weights`` has shape (S, F), ``centre`` and ``deviation`` of the features have shape (F,).
    """

    weights: Numbers
    centre: Numbers
    deviation: Numbers
    mean: float

    def __call__(self, unseen: Numbers) -> Numbers:
        """Predict points, shape (M, S), from features, shape (M, F)."""
        predicted: Numbers = (unseen - self.centre) / self.deviation @ self.weights.T + self.mean
        return predicted


def chosen_ridge(features: Numbers, points: Numbers, groups: Sequence[str]) -> tuple[Ridges, float]:
    """Fit the ridge regression of `fit_ridge`, and return its regularisation too."""
    folds = GroupKFold(min(_FOLDS, len(set(groups))))
    errors = np.zeros(len(STRENGTHS))
    for training, test in folds.split(features, groups=groups):
        predicted = _ridges(features[training], points[training], STRENGTHS)(features[test])
        errors += ((predicted - points[test, None]) ** 2).sum(axis=0)
    strength = STRENGTHS[[errors.argmin()]]
    return _ridges(features, points, strength), float(strength[0])


def _ridges(features: Numbers, points: Numbers, strengths: Numbers) -> Ridges:
    """Fit one ridge regression for each regularisation; together they cost as much as one."""
    centre, deviation = features.mean(axis=0), features.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1)
    mean = points.mean()
    weights = ridge_slopes((features - centre) / deviation, points - mean, strengths)
    return Ridges(weights, centre, deviation, mean)


def ridge_slopes(rows: Numbers, targets: Numbers, strengths: Numbers) -> Numbers:
    """Solve a ridge regression without an intercept for each of several regularisations.

    Not scikit-learn's `Ridge`, whose solver would move the last digits of the bundled heads.

    Parameters
    ----------
    rows
        Shape (N, F).
    targets
        Shape (N,).
    strengths
        Shape (S,), the factors of the squares of the slopes.

    Returns
    -------
    Shape (S, F).
    """
    if len(rows) < rows.shape[1]:  # the dual form is the small one
        kernel, unit = rows @ rows.T, np.eye(len(rows))
        solved = [
            rows.T @ np.linalg.solve(kernel + strength * unit, targets) for strength in strengths
        ]
    else:
        kernel, unit = rows.T @ rows, np.eye(rows.shape[1])
        solved = [
            np.linalg.solve(kernel + strength * unit, rows.T @ targets) for strength in strengths
        ]
    return np.stack(solved)
