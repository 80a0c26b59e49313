"""Both scores by lung, and opacities by zone, from the lungs and opacities that a network draws.

A zone is a third of a lung's height. The score of a lung is the part of the image's that its
opacities make up; the model card says how well that agrees with readers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from severity.domain import Lungs, LungScore, Scale, Zone
from severity.errors import WrongWeights

_Floats = NDArray[np.floating]


class Drawn(StrEnum):
    """What a network draws beside the outputs that heads are applied to."""

    MAPS = "maps"  # probabilities of right lung, left lung and opacity, each shape (rows, columns)


LINE = "zones.line"
"""Name of the tensor in a model's file."""
_HALF = 0.5
_LEAST_LUNG = 0.005
"""Of the image. Of 1,373 films one has a lung that is drawn smaller."""
_NO_OPACITY = 0.01
"""Of a lung, added to both: with no opacity in either, each has half."""


@dataclass(frozen=True)
class Division:
    """Divides scores between lungs.

    ``slope`` and ``offset`` take the mean probability of opacity in a zone to the share of it that
    is opaque, as it was learned from radiologists' masks.

    Raises
    ------
    WrongWeights
        The line does not rise, or is no line.
    """

    slope: float
    offset: float

    def __post_init__(self) -> None:
        if not (self.slope > 0 and np.isfinite([self.slope, self.offset]).all()):
            raise WrongWeights(f"{LINE} is no rising line: {self.slope}, {self.offset}")

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[np.float32]]) -> "Division | None":
        """Read a division from the tensors of a model's file; None where there is none.

        Raises
        ------
        WrongWeights
            The tensor does not have shape (2,), or describes no line that rises.
        """
        line = tensors.get(LINE)
        if line is None:
            return None
        if line.shape != (2,):
            raise WrongWeights(f"{LINE} has shape {line.shape}, not (2,)")
        return cls(*line.tolist())

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the tensor to store."""
        return {LINE: np.array([self.slope, self.offset], np.float32)}

    def lungs(
        self, points: tuple[float, float], scales: tuple[Scale, Scale], maps: _Floats
    ) -> Lungs | None:
        """Divide the scores of an image between its lungs.

        Parameters
        ----------
        points, scales
            Geographic extent and opacity within their scales, and the scales.
        maps
            As `Drawn.MAPS`, shape (3, rows, columns).

        Returns
        -------
        What each lung has, and the share of each zone that is opaque. The lungs add up to
        ``points``, and neither has more than half of a scale. None where the network finds no two
        lungs.
        """
        means = zone_means(maps)
        return None if means is None else self.of_zones(points, scales, means)

    def of_zones(
        self, points: tuple[float, float], scales: tuple[Scale, Scale], means: NDArray[np.float64]
    ) -> Lungs:
        """Divide the scores of an image by its `zone_means`."""
        zones = (means * self.slope + self.offset).clip(0, 1)
        areas = zones.mean(axis=1) + _NO_OPACITY
        extent_right, extent_left = _divided(points[0], scales[0], areas)
        # Density grows more slowly than area.
        opacity_right, opacity_left = _divided(points[1], scales[1], np.sqrt(areas))
        return Lungs(
            LungScore(extent_right, opacity_right),
            LungScore(extent_left, opacity_left),
            dict(zip(Zone, zones.ravel().tolist(), strict=True)),
        )


def zone_means(maps: _Floats) -> NDArray[np.float64] | None:
    """Compute the mean probability of opacity in each zone.

    Parameters
    ----------
    maps
        As `Drawn.MAPS`, shape (3, rows, columns).

    Returns
    -------
    Shape (2, 3): right and left lung; upper, middle and lower third. None where the network finds
    no two lungs.
    """
    opacity, lungs = maps[2], maps[:2] > _HALF
    if lungs.mean(axis=(1, 2)).min() < _LEAST_LUNG:
        return None
    return np.array([_thirds(opacity, lung) for lung in lungs])


def _divided(points: float, scale: Scale, parts: NDArray[np.float64]) -> tuple[float, float]:
    """Divide points as the parts of right and left; neither lung has more than half the scale."""
    half = (scale.highest - scale.lowest) / 2
    right = float(points * parts[0] / parts.sum())
    right = min(max(right, points - half), half)
    return right, points - right


def _thirds(opacity: _Floats, lung: NDArray[np.bool_]) -> list[float]:
    """Compute the mean opacity of the upper, middle and lower third of a lung's height."""
    filled = np.flatnonzero(lung.any(axis=1))
    edges = np.linspace(filled[0], filled[-1] + 1, 4)
    rows = np.arange(len(lung))
    opaque, all_of_it = (opacity * lung).sum(axis=1), lung.sum(axis=1)
    means = []
    for top, bottom in pairwise(edges):
        # A row that an edge cuts counts in part.
        weights = (np.minimum(bottom, rows + 1) - np.maximum(top, rows)).clip(0, 1)
        means.append(float(weights @ opaque / max(weights @ all_of_it, 1e-6)))
    return means
