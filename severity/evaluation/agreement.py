"""Agreement of predicted points with the readers'."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Numbers = NDArray[np.floating]

_RESAMPLES = 2000
CONFIDENCE = 0.95
_LIMITS = 1.96  # standard deviations that hold 95 % of a normal distribution
_LEAST = 2  # numbers that have a spread


@dataclass(frozen=True)
class Metrics:
    """Agreement on one set of images. NaN is undefined: a correlation of constant numbers."""

    pearson: float
    spearman: float
    r2: float
    mae: float
    mse: float


def metrics(predicted: Numbers, observed: Numbers) -> Metrics:
    """Compute the metrics of predicted against observed points, shape (N,) each.

    R² is relative to the mean of ``observed``, so that it is negative for predictions that are
    worse than a constant.
    """
    errors = predicted - observed
    spread = float(((observed - observed.mean()) ** 2).sum())
    return Metrics(
        pearson=_correlation(predicted, observed),
        spearman=_correlation(rankdata(predicted), rankdata(observed)),
        r2=1 - float((errors**2).sum()) / spread if spread else float("nan"),
        mae=float(np.abs(errors).mean()),
        mse=float((errors**2).mean()),
    )


def _correlation(first: Numbers, second: Numbers) -> float:
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((first**2).sum() * (second**2).sum()))
    # Constant numbers leave rounding errors, not zeros.
    return float((first * second).sum()) / norm if norm > 1e-9 else float("nan")  # noqa: PLR2004


@dataclass(frozen=True)
class MeanSd:
    """Mean and standard deviation over splits; NaN where no split defines it."""

    mean: float
    sd: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "MeanSd":
        """Summarise the values that are defined."""
        defined = np.asarray(values)[np.isfinite(values)]
        if not len(defined):
            return cls(float("nan"), float("nan"))
        return cls(float(defined.mean()), float(defined.std()))


@dataclass(frozen=True)
class ConfidenceInterval:
    """A number and its 95 % confidence interval over draws of patients."""

    value: float
    low: float
    high: float


def mae_interval(errors: Numbers, groups: Sequence[str], *, seed: int = 0) -> ConfidenceInterval:
    """Bootstrap the mean absolute error, in points; see `mean_interval`."""
    return mean_interval(np.abs(errors), groups, seed=seed)


def mean_interval(values: Numbers, groups: Sequence[str], *, seed: int = 0) -> ConfidenceInterval:
    """Bootstrap a mean over groups of patients.

    Parameters
    ----------
    values
        Shape (N,).
    groups
        Drawn with replacement, each with all of its images: images of one patient err alike.
    """
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    sums, counts = np.bincount(members, values), np.bincount(members)
    equally = np.full(len(counts), 1 / len(counts))
    drawn = np.random.default_rng(seed).multinomial(len(counts), equally, size=_RESAMPLES)
    beyond = (1 - CONFIDENCE) / 2
    low, high = np.quantile((drawn @ sums) / (drawn @ counts), (beyond, 1 - beyond))
    return ConfidenceInterval(float(values.mean()), float(low), float(high))


@dataclass(frozen=True)
class LimitsOfAgreement:
    """Bias and limits of agreement: where 95 of 100 differences lie, in points.

    References
    ----------
    * Bland and Altman, Lancet 327:307-310 (1986).
    """

    bias: float
    low: float
    high: float


def limits_of_agreement(predicted: Numbers, observed: Numbers) -> LimitsOfAgreement:
    """Compute the limits for points, shape (N,) each; with a positive bias they are too high."""
    differences = predicted - observed
    bias = float(differences.mean())
    sd = float(differences.std(ddof=1)) if len(differences) >= _LEAST else float("nan")
    return LimitsOfAgreement(bias, bias - _LIMITS * sd, bias + _LIMITS * sd)


@dataclass(frozen=True)
class CalibrationCurve:
    """The readers' points as a function of the predicted ones.

    ``predicted`` and ``observed`` are means over bins of as many images each; the line is
    observed = ``intercept`` + ``slope`` * predicted, ideally 0 and 1.
    """

    predicted: Numbers
    observed: Numbers
    intercept: float
    slope: float


def calibration_curve(predicted: Numbers, observed: Numbers, *, bins: int = 5) -> CalibrationCurve:
    """Compute the curve of points, shape (N,) each, in the order of the predicted ones."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    centred = predicted - predicted.mean()
    spread = float((centred**2).sum())
    slope = float((centred * observed).sum()) / spread if spread else float("nan")
    return CalibrationCurve(
        predicted=np.array([predicted[part].mean() for part in parts]),
        observed=np.array([observed[part].mean() for part in parts]),
        intercept=float(observed.mean() - slope * predicted.mean()),
        slope=slope,
    )
