"""A bridge: how scores of one model version become those of another, and how sure that is."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from severity.bridging.line import Line
from severity.course.band import half_width
from severity.course.series import Flags, Numbers
from severity.domain import Interval
from severity.errors import WrongParameters

_FORMAT = 1
_IN_95_OF_100 = 1.959963984540054  # standard deviations of a normal distribution, either way


@dataclass(frozen=True, eq=False)
class Converted:
    """Scores of the former version as the current one would have given them; shape (N,).

    Parameters
    ----------
    points
        Before they are clipped to the scale.
    shared
        The standard deviation of what all films of a patient have in common: the line's own error,
        and how the versions differ on this patient.
    own
        The standard deviation of what each film has for itself.
    within
        Whether the score lies among those that the bridge was learned from.
    """

    points: Numbers
    shared: Numbers
    own: Numbers
    within: Flags

    @property
    def sd(self) -> Numbers:
        """How far the current version's own score lies from the converted one."""
        sd: Numbers = np.hypot(self.shared, self.own)
        return sd

    def interval(self) -> tuple[Numbers, Numbers]:
        """Return the ends that contain the current version's own score with 90 %."""
        half = half_width(self.sd)
        return self.points - half, self.points + half


@dataclass(frozen=True)
class ScoreBridge:
    """The bridge of one score, in points.

    Parameters
    ----------
    between
        The standard deviation between patients of how far the versions differ from the line.
    within
        The same between films of a patient.
    lowest, highest
        The scores of the former version that it was learned from; it says nothing beyond.
    ratio
        The variance of the current version's measurement error, divided by the former one's.
    correlation
        Of the two versions' scores.
    """

    line: Line
    between: float
    within: float
    lowest: float
    highest: float
    ratio: float
    correlation: float

    @property
    def spread(self) -> float:
        """The standard deviation of the films about the line."""
        return math.hypot(self.between, self.within)

    def slope_interval(self) -> Interval:
        """Return the 95 % interval of the slope."""
        return _interval(self.line.slope, self.line.slope_error)

    def intercept_interval(self) -> Interval:
        """Return the 95 % interval of the intercept."""
        return _interval(self.line.intercept, self.line.intercept_error)

    def convert(self, points: Numbers) -> Converted:
        """Convert scores of the former version, shape (N,), before they are clipped."""
        return Converted(
            self.line.at(points),
            np.hypot(self.line.error(points), self.between),
            np.full_like(points, self.within),
            (self.lowest <= points) & (points <= self.highest),
        )


@dataclass(frozen=True)
class Bridge:
    """The bridge of both scores from one model version to another.

    ``patients`` and ``films`` are those that it was learned from, which both versions scored;
    ``flagged`` further ones were out of distribution for either, and left out.
    """

    geographic_extent: ScoreBridge
    opacity: ScoreBridge
    patients: int
    films: int
    flagged: int

    def to_json(self) -> str:
        """Serialise the bridge to JSON; equal bridges have equal text."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Bridge":
        """Read a bridge that `to_json` wrote.

        Raises
        ------
        WrongParameters
            The text is anything else.
        """
        try:
            content = json.loads(text)
            if content["format"] != _FORMAT:
                raise WrongParameters(f"the bridge has format {content['format']!r}")
            return cls(
                _score(content["geographic_extent"]),
                _score(content["opacity"]),
                patients=int(content["patients"]),
                films=int(content["films"]),
                flagged=int(content["flagged"]),
            )
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise WrongParameters(f"not a bridge as this program writes it: {error}") from error


def _score(content: Mapping[str, Any]) -> ScoreBridge:
    line = Line(**{name: float(number) for name, number in content["line"].items()})
    numbers = {name: float(number) for name, number in content.items() if name != "line"}
    return ScoreBridge(line, **numbers)


def _interval(value: float, error: float) -> Interval:
    return Interval(value - _IN_95_OF_100 * error, value + _IN_95_OF_100 * error)
