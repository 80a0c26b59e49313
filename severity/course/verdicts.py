"""Verdicts: what the probabilities of a course allow to say."""

import numpy as np
from numpy.typing import NDArray

from severity.domain import Verdict

VERDICTS = tuple(Verdict)
"""The verdict of each code: worse 0, better 1, unchanged 2, cannot tell 3."""

NO_VERDICT = -1
"""The code at and before the baseline, and where a series has none."""

UNCHANGED_FROM = 0.9
"""Unchanged is said from this probability that the change is within the margin."""

_Numbers = NDArray[np.float64]


def verdicts(
    worse: _Numbers, better: _Numbers, within: _Numbers, *, threshold: float
) -> NDArray[np.int8]:
    """Return the code of the verdict that each set of probabilities allows.

    Parameters
    ----------
    worse, better, within
        Shape (N,): probabilities of a change by more than the margin, either way, and within it;
        NaN at and before the baseline.
    threshold
        Worse (better) is said from this probability.

    Returns
    -------
    Shape (N,), int8: codes of `VERDICTS`, or `NO_VERDICT`.
    """
    conditions = (
        np.isnan(within),
        (worse >= threshold) & (worse >= better),
        better >= threshold,
        within >= UNCHANGED_FROM,
    )
    return np.select(conditions, (NO_VERDICT, 0, 1, 2), default=3).astype(np.int8)
