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

_FORMAT = 2
_FORMAT_BEFORE = 1  # one threshold for both verdicts, and no first deviation
_NUMBERS = ("error", "process_noise", "prior_sd", "margin", "reversion", "first_deviation")


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
class Thresholds:
    """The probabilities of a change by more than the margin from which worse, or better, is said.

    Raises
    ------
    WrongParameters
        One is no probability.
    """

    worse: float
    better: float

    def __post_init__(self) -> None:
        for name in ("worse", "better"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not (0 < self.worse < 1 and 0 < self.better < 1):
            raise WrongParameters("a threshold is a probability")


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
    thresholds
        Two, since levels may be expected to rise, so that worse is sooner probable than better.
    reversion
        The share of its distance from the patient's usual level that the level loses each day
        (an Ornstein-Uhlenbeck process). 0 is a random walk that starts at the usual level.
    first_deviation
        Points by which a level is expected to lie above the patient's usual level at the series'
        first eligible film; negative where patients come before they are at their worst.
    intervals
        95 % intervals of what was learned, by name; for people.
    repeats
        The standard error of measurement of pairs within 24 hours, by view; for people.

    Raises
    ------
    WrongParameters
        A number is not finite or has the wrong sign, a view is missing, or a random walk starts
        elsewhere than at the usual level.
    """

    error: float
    process_noise: float
    prior_mean: Mapping[View, float]
    prior_sd: float
    view_shift: Mapping[View, Shift]
    margin: float
    thresholds: Thresholds
    reversion: float = 0.0
    first_deviation: float = 0.0
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
        if min(spreads) < 0:
            raise WrongParameters("deviations are not negative")
        if self.first_deviation and not self.reversion:
            raise WrongParameters("a random walk has no usual level that it could deviate from")
        means = [
            self.first_deviation,
            *self.prior_mean.values(),
            *(shift.mean for shift in self.view_shift.values()),
        ]
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
        """Read a set that `to_json` wrote, in today's format or in the one before.

        Raises
        ------
        WrongParameters
            The text is anything else.
        """
        try:
            content = json.loads(text)
            if content["format"] not in (_FORMAT, _FORMAT_BEFORE):
                raise WrongParameters(f"the parameters have format {content['format']!r}")
            read = _score if content["format"] == _FORMAT else _score_before
            return cls(
                geographic_extent=read(content["geographic_extent"]),
                opacity=read(content["opacity"]),
                episode_days=float(content["episode_days"]),
                origin=Origin(content["origin"]),
                patients=int(content["patients"]),
                films=int(content["films"]),
            )
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise WrongParameters(f"not parameters as this program writes them: {error}") from error


def _score_before(content: Mapping[str, Any]) -> ScoreParameters:
    both = {"worse": content["threshold"], "better": content["threshold"]}
    return _score({**content, "thresholds": both, "first_deviation": 0})


def _score(content: Mapping[str, Any]) -> ScoreParameters:
    thresholds = content["thresholds"]
    return ScoreParameters(
        **{name: float(content[name]) for name in _NUMBERS},
        thresholds=Thresholds(float(thresholds["worse"]), float(thresholds["better"])),
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
