"""Fit triage: a multinomial logistic regression on a backbone's features."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from severity.heads.head import Layer
from severity.heads.triage import CLASSES, Triage, softmax
from training.triage_images import Places

STRENGTHS = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Inverse regularisations among which a fit chooses, for standardised features; ascending."""

_FOLDS = 3
_LEAST_DEVIATION = 1e-6
_ITERATIONS = 300
_TOLERANCE = 1e-3  # of the solver; a smaller one moves no probability by 0.01
_TEMPERATURES = (0.05, 20.0)

Numbers = NDArray[np.floating]


def fit_triage(features: Numbers, classes: Places, groups: Sequence[str]) -> Triage:
    """Fit triage on images; see `fit_layer`.

    Parameters
    ----------
    classes
        Shape (N,), places in `severity.heads.triage.CLASSES`; each class must have images.
    """
    return Triage(fit_layer(features, classes, groups, labels=len(CLASSES)))


def fit_layer(features: Numbers, classes: Places, groups: Sequence[str], *, labels: int) -> Layer:
    """Fit a calibrated softmax layer in which all classes count the same.

    Strength and temperature have the least log loss in a cross-validation in which no group is on
    both sides. Standardisation and temperature are folded into the layer.

    Parameters
    ----------
    features
        Shape (N, F).
    classes
        Shape (N,), from 0 to ``labels`` - 1.
    groups
        The patient of each image, with everyone who shares an image.

    Raises
    ------
    ValueError
        A class has fewer groups than there are folds.
    """
    _check_groups(classes, groups, labels=labels)
    unseen = np.empty((len(STRENGTHS), len(classes), labels))
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    for training, test in folds.split(features, classes, groups):
        for row, layer in enumerate(_layers(features[training], classes[training], STRENGTHS)):
            unseen[row, test] = features[test] @ layer.weight + layer.bias
    temperatures = [_temperature(logits, classes) for logits in unseen]
    losses = [
        log_loss(logits / temperature, classes)
        for logits, temperature in zip(unseen, temperatures, strict=True)
    ]
    best = int(np.argmin(losses))
    *_, layer = _layers(features, classes, STRENGTHS[: best + 1])
    return Layer(layer.weight / temperatures[best], layer.bias / temperatures[best])


def log_loss(logits: Numbers, classes: Places) -> float:
    """Average the log loss of images, shape (N, classes), over each class and then over classes."""
    true_class = softmax(logits)[np.arange(len(classes)), classes]
    # An impossible class is very wrong, not infinitely.
    return float(class_weights(classes) @ -np.log(true_class.clip(1e-12)))


def class_weights(classes: Places) -> NDArray[np.float64]:
    """Return weights of images by which all classes present count the same; their sum is one."""
    counts = np.bincount(classes)
    weights: NDArray[np.float64] = 1 / counts[classes] / np.count_nonzero(counts)
    return weights


def _layers(features: Numbers, classes: Places, strengths: Sequence[float]) -> list[Layer]:
    """Fit one layer for each strength, each starting from the one before."""
    centre, deviation = features.mean(axis=0), features.std(axis=0) + _LEAST_DEVIATION
    model = LogisticRegression(
        class_weight="balanced", max_iter=_ITERATIONS, tol=_TOLERANCE, warm_start=True
    )
    layers = []
    for strength in strengths:
        model.set_params(C=strength).fit((features - centre) / deviation, classes)
        weight, bias = _row_for_each_class(model.coef_, model.intercept_)
        weight = weight.T / deviation[:, None]
        layers.append(Layer(weight, bias - centre @ weight))
    return layers


def _row_for_each_class(weight: Numbers, bias: Numbers) -> tuple[Numbers, Numbers]:
    """Add the first class's row, zero: of two classes the regression has only the second's row."""
    if len(bias) > 1:
        return weight, bias
    return np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])


def _temperature(logits: Numbers, classes: Places) -> float:
    def loss(log_temperature: float) -> float:
        return log_loss(logits / np.exp(log_temperature), classes)

    minimum = minimize_scalar(loss, bounds=np.log(_TEMPERATURES), method="bounded")
    return float(np.exp(minimum.x))


def _check_groups(classes: Places, groups: Sequence[str], *, labels: int) -> None:
    for label in range(labels):
        of_class = np.asarray(groups)[classes == label]
        if len(set(of_class.tolist())) < _FOLDS:
            raise ValueError(f"class {label} has fewer than {_FOLDS} groups of patients")
