"""Fitting on some images while others, of other patients and with other labels, join the fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from severity.evaluation.agreement import Numbers
from severity.evaluation.regressions import Fit, Predict


@dataclass(frozen=True, eq=False)
class AuxiliaryImages:
    """Images that join a fit and are not measured themselves.

    ``given`` has shape (M, F), ``points`` shape (M,); ``groups`` has one for each image.
    """

    given: Numbers
    points: Numbers
    groups: Sequence[str]


def with_auxiliary_images(fit: Fit, images: AuxiliaryImages, *, measured: Sequence[str]) -> Fit:
    """Let images join a fit, but for those whose group is left out of it.

    Parameters
    ----------
    measured
        The groups of all images that are measured: those of them that a fit is not given are the
        ones that it will be tested on, and no image of theirs may join.
    """
    of_measured = frozenset(measured)

    def fit_joined(given: Numbers, points: Numbers, groups: Sequence[str]) -> Predict:
        left_out = of_measured - set(groups)
        may = np.array([group not in left_out for group in images.groups], bool)
        joining = [group for group, one in zip(images.groups, may, strict=True) if one]
        return fit(
            np.concatenate([given, images.given[may]]),
            np.concatenate([points, images.points[may]]),
            [*groups, *joining],
        )

    return fit_joined
