"""Add auxiliary images (other labels) to each training fold without leaking a test patient."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from severity.evaluation.agreement import Numbers
from severity.evaluation.regressions import Fit, Predict


@dataclass(frozen=True, eq=False)
class AuxiliaryImages:
    """Images that join a fit and are not measured themselves.

    ``features`` has shape (M, F), ``points`` shape (M,); ``groups`` has one for each image.
    """

    features: Numbers
    points: Numbers
    groups: Sequence[str]


def with_auxiliary_images(fit: Fit, images: AuxiliaryImages, *, measured: Sequence[str]) -> Fit:
    """Return a fit that images join, but for those whose group is left out of it.

    Parameters
    ----------
    measured
        The groups of all images that are measured. A fit is tested on those of them that it is
        not called with, so no image of theirs may join it.
    """
    of_measured = frozenset(measured)

    def fit_joined(features: Numbers, points: Numbers, groups: Sequence[str]) -> Predict:
        left_out = of_measured - set(groups)
        joins = np.array([group not in left_out for group in images.groups], bool)
        joining = [group for group, join in zip(images.groups, joins, strict=True) if join]
        return fit(
            np.concatenate([features, images.features[joins]]),
            np.concatenate([points, images.points[joins]]),
            [*groups, *joining],
        )

    return fit_joined
