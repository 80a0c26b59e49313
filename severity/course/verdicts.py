"""Verdicts: what the probabilities of a course allow to say."""

import numpy as np
from numpy.typing import NDArray

from severity.course.parameters import Thresholds
from severity.domain import Verdict

VERDICTS = tuple(Verdict)
"""The verdict of each code: worse 0, better 1, unchanged 2, cannot tell 3."""

NO_VERDICT = -1
"""The code at and before the baseline, and where a series has none."""

UNCHANGED_FROM = 0.9
"""Unchanged is said from this probability that the change is within the margin."""

_Numbers = NDArray[np.float64]


def verdicts(
    worse: _Numbers, better: _Numbers, within: _Numbers, *, thresholds: Thresholds
) -> NDArray[np.int8]:
    """Return the code of the verdict that each set of probabilities allows.

    Parameters
    ----------
    worse, better, within
        Shape (N,): probabilities of a change by more than the margin, either way, and within it;
        NaN at and before the baseline.
    thresholds
        Worse, and better, is said from these probabilities.

    Returns
    -------
    Shape (N,), int8: codes of `VERDICTS`, or `NO_VERDICT`.
    """
    conditions = (
        np.isnan(within),
        (worse >= thresholds.worse) & (worse >= better),
        better >= thresholds.better,
        within >= UNCHANGED_FROM,
    )
    return np.select(conditions, (NO_VERDICT, 0, 1, 2), default=3).astype(np.int8)
