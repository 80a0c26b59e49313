"""Fitting heads with scikit-learn: linear, ridge and a small network, as layers of a head."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPRegressor

from severity.evaluation.agreement import Numbers
from severity.evaluation.regressions import STRENGTHS, Fit, Predict, chosen_ridge
from severity.evaluation.systems import FOUR_OUTPUTS
from severity.heads.head import Chain, Layer, apply_chain

_HIDDEN = 32
_MOST_EPOCHS, _PATIENCE = 300, 10
_LEARNING_RATE = 2e-3
# The more inputs of one scale, the larger the squares that it stands against.
_L2_OF_AN_INPUT = 0.08
"""A small network's penalty, chosen on compact-1's features of the 93 scored images of the COVID-19
Image Data Collection, out of a dozen settings, so that its error there is a little too good."""

_FOLDS = 3


class HeadKind(StrEnum):
    """The kind of function that is fitted."""

    LINEAR = "linear"
    RIDGE = "ridge"
    MLP = "mlp"


class Basis(StrEnum):
    """The inputs of a head: a backbone's features, or the raw outputs of its findings."""

    FEATURES = "features"
    OUTPUTS = "outputs"
    FOUR_OUTPUTS = "four-outputs"
    LUNG_OPACITY = "lung-opacity"


@dataclass(frozen=True, eq=False)
class FittedChain:
    """The layers of one score, and the other settings that the images decided."""

    chain: Chain
    chosen: Mapping[str, float]


FitChain = Callable[[Numbers, Numbers, Sequence[str]], FittedChain]
"""From features (N, F), points (N,) and groups (N,) to layers; deterministic."""


def usual_basis(kind: HeadKind, findings: Sequence[str]) -> Basis:
    """Return the default basis of a kind of head.

    A linear head uses "Lung Opacity" alone where the backbone has it, as the published one does
    (Cohen et al. 2020): with more inputs than images it would fit any labels.
    """
    if kind is HeadKind.LINEAR and Basis.LUNG_OPACITY in bases(findings):
        return Basis.LUNG_OPACITY
    return Basis.FEATURES


def bases(findings: Sequence[str]) -> list[Basis]:
    """List the bases that a backbone with these findings has."""
    available = [Basis.FEATURES]
    if any(findings):
        available.append(Basis.OUTPUTS)
    if set(FOUR_OUTPUTS) <= set(findings):
        available.append(Basis.FOUR_OUTPUTS)
    if FOUR_OUTPUTS[0] in findings:
        available.append(Basis.LUNG_OPACITY)
    return available


def columns(basis: Basis, findings: Sequence[str]) -> list[int]:
    """Return the columns of the logits that a basis of outputs uses."""
    match basis:
        case Basis.FOUR_OUTPUTS:
            names: Sequence[str] = FOUR_OUTPUTS
        case Basis.LUNG_OPACITY:
            names = FOUR_OUTPUTS[:1]
        case _:
            names = [name for name in findings if name]
    return [list(findings).index(name) for name in names]


def expand_to_all_logits(chain: Chain, places: Sequence[int], *, width: int) -> Chain:
    """Expand a head fitted on selected logits to all logits; the others get weight zero."""
    first = chain[0]
    weight = np.zeros((width, first.outputs), np.float32)
    weight[list(places)] = first.weight
    return (Layer(weight, first.bias), *chain[1:])


def fitting(kind: HeadKind, *, seed: int) -> FitChain:
    """Return the fit of a kind of head."""
    match kind:
        case HeadKind.LINEAR:
            return _linear_chain
        case HeadKind.RIDGE:
            return _ridge_chain
        case HeadKind.MLP:
            return partial(_mlp_chain, seed=seed)


def predicting(fit: FitChain) -> Fit:
    """Wrap a fit for the evaluation, so that it predicts as the head will."""

    def fit_and_predict(features: Numbers, points: Numbers, groups: Sequence[str]) -> Predict:
        chain = fit(features, points, groups).chain
        return lambda unseen: apply_chain(chain, unseen.astype(np.float32))[:, 0].astype(float)

    return fit_and_predict


def fixed_settings(kind: HeadKind) -> dict[str, float | str]:
    """Return the settings of a kind of head that no image decides."""
    match kind:
        case HeadKind.LINEAR:
            return {"method": "ordinary least squares"}
        case HeadKind.RIDGE:
            return {
                "method": "ridge on standardised inputs",
                "least_strength": float(STRENGTHS[0]),
                "largest_strength": float(STRENGTHS[-1]),
            }
        case HeadKind.MLP:
            return {
                "method": "MLPRegressor on centred inputs of one scale, Adam",
                "hidden": _HIDDEN,
                "activation": "relu",
                "learning_rate": _LEARNING_RATE,
                "l2_of_an_input": _L2_OF_AN_INPUT,
                "most_epochs": _MOST_EPOCHS,
                "patience": _PATIENCE,
            }


def _linear_chain(features: Numbers, points: Numbers, _groups: Sequence[str]) -> FittedChain:
    """Fit ordinary least squares; see `FitChain`."""
    model = LinearRegression().fit(features, points)
    return FittedChain((_layer(model.coef_[:, None], np.array([model.intercept_])),), {})


def _ridge_chain(features: Numbers, points: Numbers, groups: Sequence[str]) -> FittedChain:
    """Fit a ridge regression whose strength is chosen by a cross-validation over groups."""
    ridge, strength = chosen_ridge(features, points, groups)
    weight = (ridge.weights / ridge.deviation).T
    layer = _layer(weight, ridge.mean - ridge.centre @ weight)
    return FittedChain((layer,), {"strength": strength})


def _mlp_chain(
    features: Numbers, points: Numbers, groups: Sequence[str], *, seed: int
) -> FittedChain:
    """Fit a network with one hidden layer, stopped where other groups are predicted best.

    The number of epochs is chosen by a cross-validation over groups, whose networks learn side by
    side; then one network learns from all images for as long.
    """
    epochs = _epochs(features, points, groups, seed=seed)
    network = _Network(features, points, seed=seed)
    for _ in range(epochs):
        network.learn()
    return FittedChain(network.chain, {"epochs": epochs})


def _epochs(features: Numbers, points: Numbers, groups: Sequence[str], *, seed: int) -> int:
    folds = list(GroupKFold(min(_FOLDS, len(set(groups)))).split(features, groups=groups))
    networks = [_Network(features[training], points[training], seed=seed) for training, _ in folds]
    best, least = 1, np.inf
    for epoch in range(1, _MOST_EPOCHS + 1):
        error = 0.0
        for network, (_, test) in zip(networks, folds, strict=True):
            network.learn()
            error += float(((network(features[test]) - points[test]) ** 2).sum())
        if error < least:
            best, least = epoch, error
        elif epoch - best >= _PATIENCE:
            break
    return best


class _Network:
    """A network in the making, on standardised features and points.

    All features are divided by one number. Each by a number of its own would make those that
    hardly vary as loud as the others, which cost 0.14 points of extent on 46 images.
    """

    def __init__(self, features: Numbers, points: Numbers, *, seed: int) -> None:
        self._centre, self._deviation = features.mean(axis=0), _deviation(features)
        self._mean, self._spread = points.mean(), _deviation(points)
        self._features = (features - self._centre) / self._deviation
        self._points = (points - self._mean) / self._spread
        self._model = MLPRegressor(
            hidden_layer_sizes=(_HIDDEN,),
            alpha=_L2_OF_AN_INPUT * features.shape[1],
            learning_rate_init=_LEARNING_RATE,
            random_state=seed,
        )

    def learn(self) -> None:
        """Pass once over the images."""
        self._model.partial_fit(self._features, self._points)

    def __call__(self, unseen: Numbers) -> Numbers:
        predicted = self._model.predict((unseen - self._centre) / self._deviation)
        return np.asarray(predicted * self._spread + self._mean)

    @property
    def chain(self) -> Chain:
        """The layers that map raw features to points."""
        (first, last), (bias, last_bias) = self._model.coefs_, self._model.intercepts_
        weight = first / self._deviation
        return (
            _layer(weight, bias - self._centre @ weight),
            _layer(last * self._spread, last_bias * self._spread + self._mean),
        )


def _layer(weight: Numbers, bias: Numbers) -> Layer:
    return Layer(weight.astype(np.float32), bias.astype(np.float32))


def _deviation(numbers: Numbers) -> float:
    """Compute the root mean square deviation of columns from their means; 1 if constant."""
    return float(np.sqrt(numbers.var(axis=0).mean())) or 1.0
