"""The numbers behind courses of one model version: learned parameters, margin and thresholds."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from severity.domain import Interval, StandardError, View
from severity.errors import WrongParameters

_FORMAT = 1
_NUMBERS = ("error", "process_noise", "prior_sd", "margin", "threshold", "reversion")


class Origin(StrEnum):
    """Where a parameter set was learned."""

    SHIPPED = "shipped"  # from public series
    SITE = "site"  # from the site's own patients
    CALIBRATION = "calibration"  # not at all: another model version's, with this one's error


@dataclass(frozen=True)
class Shift:
    """Points that a view adds to a score, with their standard deviation.

    The deviation is the uncertainty of the mean and the variation between patients together.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        # 8 and 8.0 are one number, but would make two hashes of one set.
        object.__setattr__(self, "mean", float(self.mean))
        object.__setattr__(self, "sd", float(self.sd))


@dataclass(frozen=True)
class ScoreParameters:
    """The parameters of one score's courses.

    Parameters
    ----------
    error
        The standard error of measurement, in points.
    process_noise
        How fast the level moves: the variance of its random walk, in points² a day.
    prior_mean
        A patient's usual level, by the view of the series' first eligible film, in points.
    prior_sd
        The standard deviation between patients of their usual level, in points.
    view_shift
        Points that each view adds; PA adds none.
    margin
        The change that matters, in points.
    threshold
        Worse (better) is said from this probability of more than the margin.
    reversion
        The share of its distance from the patient's usual level that the level loses each day
        (an Ornstein-Uhlenbeck process). 0 is a random walk that starts at the usual level.
    intervals
        95 % intervals of what was learned, by name; for people.
    repeats
        The standard error of measurement of pairs within 24 hours, by view; for people.

    Raises
    ------
    WrongParameters
        A number is not finite or has the wrong sign, or a view is missing.
    """

    error: float
    process_noise: float
    prior_mean: Mapping[View, float]
    prior_sd: float
    view_shift: Mapping[View, Shift]
    margin: float
    threshold: float
    reversion: float = 0.0
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    repeats: Mapping[View, StandardError] = field(default_factory=dict)

    @property
    def stationary_variance(self) -> float:
        """The variance of a level around its patient's usual level, at the first film."""
        return self.process_noise / (2 * self.reversion) if self.reversion else 0.0

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            object.__setattr__(self, name, float(getattr(self, name)))
        means = {view: float(mean) for view, mean in self.prior_mean.items()}
        object.__setattr__(self, "prior_mean", means)
        self._check()

    def _check(self) -> None:
        if set(self.prior_mean) != set(View) or set(self.view_shift) != set(View):
            raise WrongParameters("parameters need a prior mean and a shift for each view")
        if not (self.error > 0 and self.prior_sd > 0 and self.margin > 0):
            raise WrongParameters("error, prior deviation and margin must be positive")
        spreads = [
            self.process_noise,
            self.reversion,
            *(shift.sd for shift in self.view_shift.values()),
        ]
        if min(spreads) < 0 or not 0 < self.threshold < 1:
            raise WrongParameters("deviations are not negative, and a threshold is a probability")
        means = [*self.prior_mean.values(), *(shift.mean for shift in self.view_shift.values())]
        if not all(map(math.isfinite, [*means, *spreads, self.error, self.prior_sd, self.margin])):
            raise WrongParameters("parameters hold numbers that are not finite")


@dataclass(frozen=True)
class CourseParameters:
    """A parameter set: all numbers behind courses of one model version, named by its hash.

    ``patients`` and ``films`` are those that it was learned from.
    """

    geographic_extent: ScoreParameters
    opacity: ScoreParameters
    episode_days: float
    origin: Origin
    patients: int
    films: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "episode_days", float(self.episode_days))

    @property
    def sha256(self) -> str:
        """Identify the set by its content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Serialise the set to JSON; equal sets have equal text."""
        content = {"format": _FORMAT, **asdict(self)}
        return json.dumps(content, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "CourseParameters":
        """Read a set that `to_json` wrote.

        Raises
        ------
        WrongParameters
            The text is anything else.
        """
        try:
            content = json.loads(text)
            if content["format"] != _FORMAT:
                raise WrongParameters(f"the parameters have format {content['format']!r}")
            return cls(
                geographic_extent=_score(content["geographic_extent"]),
                opacity=_score(content["opacity"]),
                episode_days=float(content["episode_days"]),
                origin=Origin(content["origin"]),
                patients=int(content["patients"]),
                films=int(content["films"]),
            )
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise WrongParameters(f"not parameters as this program writes them: {error}") from error


def _score(content: Mapping[str, Any]) -> ScoreParameters:
    return ScoreParameters(
        **{name: float(content[name]) for name in _NUMBERS},
        prior_mean={View(view): float(mean) for view, mean in content["prior_mean"].items()},
        view_shift={
            View(view): Shift(float(shift["mean"]), float(shift["sd"]))
            for view, shift in content["view_shift"].items()
        },
        intervals={name: _interval(ends) for name, ends in content["intervals"].items()},
        repeats={View(view): _standard_error(sem) for view, sem in content["repeats"].items()},
    )


def _interval(content: Mapping[str, Any]) -> Interval:
    return Interval(float(content["low"]), float(content["high"]))


def _standard_error(content: Mapping[str, Any]) -> StandardError:
    interval = _interval(content["interval"])
    return StandardError(float(content["points"]), interval, int(content["degrees"]))
