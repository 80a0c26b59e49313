"""Agreement by view, sex and age group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from severity.evaluation.agreement import Numbers

FEW = 10
"""Below this number of images a subgroup's numbers are mostly chance."""

UNKNOWN = "unknown"
_AGES = ((0, 40, "below 40"), (40, 60, "40 to 59"), (60, 80, "60 to 79"), (80, 200, "80 and above"))


@dataclass(frozen=True)
class Subgroup:
    """The images of one level of one factor; errors and bias in points."""

    factor: str
    level: str
    images: int
    groups: int
    mae: Mapping[str, float]
    bias: Mapping[str, float]

    @property
    def few(self) -> bool:
        """Whether these numbers are mostly chance."""
        return self.images < FEW


def age_group(years: float | None) -> str:
    """Name the age group; what is impossible is unknown."""
    found = (name for low, high, name in _AGES if years is not None and low <= years < high)
    return next(found, UNKNOWN)


def by_level(
    factor: str, levels: Sequence[str], errors: Mapping[str, Numbers], groups: Sequence[str]
) -> list[Subgroup]:
    """Split errors by the level of each image.

    Parameters
    ----------
    levels, groups
        Of N images.
    errors
        Predicted less observed, shape (N,), by score; NaN where there is no prediction.
    """
    defined = np.all([np.isfinite(one) for one in errors.values()], axis=0)
    # Ages in their order, everything else by name, what is not known at the end.
    order = [name for *_, name in _AGES]
    found = sorted(
        set(levels), key=lambda one: (one == UNKNOWN, one in order and order.index(one), one)
    )
    subgroups = []
    for level in found:
        inside = np.flatnonzero((np.asarray(levels) == level) & defined).tolist()
        if not inside:
            continue
        subgroups.append(
            Subgroup(
                factor=factor,
                level=level,
                images=len(inside),
                groups=len({groups[place] for place in inside}),
                mae={score: float(np.abs(one[inside]).mean()) for score, one in errors.items()},
                bias={score: float(one[inside].mean()) for score, one in errors.items()},
            )
        )
    return subgroups
