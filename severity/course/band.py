"""The band around a level that contains the true one with 90 % probability."""

import numpy as np

from severity.course.series import Numbers
from severity.domain import Scale

_IN_90_OF_100 = 1.6448536269514722  # standard deviations of a normal distribution, either way


def band(level: Numbers, sd: Numbers, scale: Scale) -> tuple[Numbers, Numbers, Numbers]:
    """Return level, low and high end of the band of 90 %, limited to the scale; shape as ``level``.

    Parameters
    ----------
    level, sd
        The level and its standard deviation, in points; NaN where there is none.
    """
    half = half_width(sd)
    return _clipped(level, scale), _clipped(level - half, scale), _clipped(level + half, scale)


def half_width(sd: Numbers) -> Numbers:
    """Return how far a band of 90 % reaches to either side of its middle, in the unit of ``sd``."""
    return _IN_90_OF_100 * sd


def _clipped(points: Numbers, scale: Scale) -> Numbers:
    clipped: Numbers = np.clip(points, scale.lowest, scale.highest)
    return clipped
