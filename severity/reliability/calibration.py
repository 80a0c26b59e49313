"""Calibration of a model version: prediction intervals and measurement errors.

Both are measured on images and kept as numbers, in a small JSON file next to the model. It is no
part of the model version: the same scores can be calibrated anew.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from severity.domain import Interval, MeasurementError, Scale, StandardError
from severity.errors import BROKEN_FILE, WrongWeights

COVERAGE = 0.9
"""The share of prediction intervals that hold the readers' mean."""

_FORMAT = 1
_MOST_KNOTS = 64


@dataclass(frozen=True)
class Margins:
    """Margins of a prediction interval: how far the readers may lie below and above a score.

    Between two of ``predicted`` (ascending, in points) margins are interpolated linearly; beyond
    the ends they stay as they are there.

    Raises
    ------
    WrongWeights
        The numbers describe no margins.
    """

    predicted: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("predicted", "below", "above"):
            # 8 and 8.0 are one number, but would make two hashes of one calibration.
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        lengths = {len(self.predicted), len(self.below), len(self.above)}
        numbers = (*self.predicted, *self.below, *self.above)
        if len(lengths) != 1 or not 1 <= len(self.predicted) <= _MOST_KNOTS:
            raise WrongWeights(f"margins need 1 to {_MOST_KNOTS} numbers each, as many of each")
        if not all(math.isfinite(number) for number in numbers):
            raise WrongWeights("margins hold numbers that are not finite")
        if min(*self.below, *self.above) < 0 or list(self.predicted) != sorted(self.predicted):
            raise WrongWeights("margins must be positive, and ascend by predicted points")

    def around(self, points: NDArray[np.floating], scale: Scale) -> list[Interval]:
        """Return the interval around each score.

        Parameters
        ----------
        points
            Shape (N,), not clipped.
        scale
            The range to which the intervals are clipped, as the scores are.
        """
        # A score far beyond the scale's end is shown at the end: its margins start there.
        clipped = np.clip(np.asarray(points, dtype=float), scale.lowest, scale.highest)
        low = clipped - np.interp(clipped, self.predicted, self.below)
        high = clipped + np.interp(clipped, self.predicted, self.above)
        return [
            Interval(scale.clip(lower), scale.clip(upper))
            for lower, upper in zip(low.tolist(), high.tolist(), strict=True)
        ]


@dataclass(frozen=True)
class ScoreCalibration:
    """The calibration of one score: margins of its intervals, and its measurement error."""

    margins: Margins
    error: MeasurementError


@dataclass(frozen=True)
class Calibration:
    """The calibration of both scores of one model version."""

    geographic_extent: ScoreCalibration
    opacity: ScoreCalibration

    @property
    def sha256(self) -> str:
        """Identify the calibration by its content."""
        return hashlib.sha256(calibration_to_json(self).encode()).hexdigest()

    def intervals(
        self, points: NDArray[np.floating], scales: Sequence[Scale]
    ) -> list[tuple[Interval, Interval]]:
        """Return the intervals of extent and opacity for each image.

        Parameters
        ----------
        points
            Shape (N, 2), as a head returns them.
        scales
            Of extent and opacity.
        """
        scores = (self.geographic_extent, self.opacity)
        return list(
            zip(
                *(
                    score.margins.around(column, scale)
                    for score, column, scale in zip(scores, points.T, scales, strict=True)
                ),
                strict=True,
            )
        )


def calibration_to_json(calibration: Calibration) -> str:
    """Serialise a calibration to JSON; equal calibrations have equal text."""
    content = {"format": _FORMAT, "coverage": COVERAGE, **asdict(calibration)}
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def calibration_from_json(text: str) -> Calibration:
    """Read a calibration that `calibration_to_json` wrote.

    Raises
    ------
    WrongWeights
        The text is anything else.
    """
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise WrongWeights(f"the calibration has format {content['format']!r}, not {_FORMAT}")
        return Calibration(_score(content["geographic_extent"]), _score(content["opacity"]))
    except BROKEN_FILE as error:
        raise WrongWeights(f"not a calibration as this program writes it: {error}") from error


def _score(content: Mapping[str, Any]) -> ScoreCalibration:
    margins = {name: tuple(map(float, numbers)) for name, numbers in content["margins"].items()}
    error = {name: _standard_error(value) for name, value in content["error"].items()}
    return ScoreCalibration(Margins(**margins), MeasurementError(**error))


def _standard_error(content: Mapping[str, Any] | None) -> StandardError | None:
    if content is None:
        return None
    interval = Interval(float(content["interval"]["low"]), float(content["interval"]["high"]))
    return StandardError(float(content["points"]), interval, int(content["degrees"]))
