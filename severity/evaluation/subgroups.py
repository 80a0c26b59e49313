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
    """Return the name of the age group; an impossible age is unknown."""
    names = (name for low, high, name in _AGES if years is not None and low <= years < high)
    return next(names, UNKNOWN)


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
    defined = np.all([np.isfinite(error) for error in errors.values()], axis=0)
    # Ages in their order, everything else by name, unknown at the end.
    order = [name for *_, name in _AGES]
    ordered = sorted(
        set(levels),
        key=lambda level: (level == UNKNOWN, level in order and order.index(level), level),
    )
    subgroups = []
    for level in ordered:
        inside = np.flatnonzero((np.asarray(levels) == level) & defined).tolist()
        if not inside:
            continue
        subgroups.append(
            Subgroup(
                factor=factor,
                level=level,
                images=len(inside),
                groups=len({groups[place] for place in inside}),
                mae={score: float(np.abs(error[inside]).mean()) for score, error in errors.items()},
                bias={score: float(error[inside].mean()) for score, error in errors.items()},
            )
        )
    return subgroups
