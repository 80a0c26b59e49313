"""Deming's line: a regression with errors in both variables, with patients as the unit."""

from dataclasses import dataclass

import numpy as np

from severity.course.series import Indices, Numbers


@dataclass(frozen=True)
class Line:
    """A line from x to y, with standard errors by leaving out one patient after another.

    ``level`` is y at ``centre``, the mean of x; there its error and that of the ``slope`` differ
    little from independent, and ``covariance`` has the rest.
    """

    slope: float
    level: float
    centre: float
    slope_error: float
    level_error: float
    covariance: float

    @property
    def intercept(self) -> float:
        """The line's y at x = 0."""
        return self.level - self.slope * self.centre

    @property
    def intercept_error(self) -> float:
        """The standard error of the intercept."""
        return float(self.error(np.zeros(1))[0])

    def at(self, x: Numbers) -> Numbers:
        """Return y on the line, shape as ``x``."""
        return self.level + self.slope * (x - self.centre)

    def error(self, x: Numbers) -> Numbers:
        """Return the standard error of y on the line, shape as ``x``."""
        away = x - self.centre
        variance = self.level_error**2 + 2 * away * self.covariance + away**2 * self.slope_error**2
        error: Numbers = np.sqrt(np.maximum(variance, 0))
        return error


def deming(x: Numbers, y: Numbers, patients: Indices, *, ratio: float) -> Line:
    """Fit a line where both x and y are measured with error.

    Least squares on x alone would take the errors of x for a flatter line (regression dilution).
    Films of a patient are alike, so that errors are those of leaving out a patient (the jackknife),
    not a film.

    Parameters
    ----------
    x, y
        Shape (N,), in points.
    patients
        Shape (N,): 0 to P - 1, each occurring, P at least 3.
    ratio
        The variance of y's measurement error divided by that of x's.

    Raises
    ------
    ValueError
        x and y do not vary together: there is no line.

    References
    ----------
    * Deming, Statistical Adjustment of Data (1943), chapter 11.
    * Linnet, Clin Chem 39:424 (1993): the closed form, and the jackknife.
    """
    moments = _moments(x, y, patients)
    whole = moments.sum(axis=1, keepdims=True)
    slopes, levels, centres = _lines(np.hstack([whole, whole - moments]), ratio)
    if not np.isfinite(slopes).all():
        raise ValueError("the two do not vary together")
    slope, level, centre = float(slopes[0]), float(levels[0]), float(centres[0])
    without = np.stack([levels[1:] + slopes[1:] * (centre - centres[1:]), slopes[1:]])
    patients_number = without.shape[1]
    away = without - without.mean(axis=1, keepdims=True)
    covariances = away @ away.T * (patients_number - 1) / patients_number
    level_error, slope_error = np.sqrt(np.diag(covariances)).tolist()
    return Line(slope, level, centre, slope_error, level_error, float(covariances[0, 1]))


def _moments(x: Numbers, y: Numbers, patients: Indices) -> Numbers:
    """Return number and sums of each patient, shape (6, P)."""
    columns = (np.ones_like(x), x, y, x * x, y * y, x * y)
    return np.stack([np.bincount(patients, column) for column in columns])


def _lines(moments: Numbers, ratio: float) -> tuple[Numbers, Numbers, Numbers]:
    """Return slope, level and centre of the line through each column of moments."""
    number, sum_x, sum_y, sum_xx, sum_yy, sum_xy = moments
    mean_x, mean_y = sum_x / number, sum_y / number
    xx = sum_xx / number - mean_x**2
    yy = sum_yy / number - mean_y**2
    xy = sum_xy / number - mean_x * mean_y
    difference = yy - ratio * xx
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = (difference + np.sqrt(difference**2 + 4 * ratio * xy**2)) / (2 * xy)
    return slopes, mean_y, mean_x
