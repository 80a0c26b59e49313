"""What rounds of measurements say: rates, paired ratios, agreement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from benchmarks.jobs import BenchmarkError, Format, Precision, Rate, Variant

AGREEMENT_LIMIT = {Precision.FP32: 0.02, Precision.BF16: 0.05}
"""How far a score of ours may be from the reference's, in points."""


@dataclass(frozen=True)
class Contender:
    """One variant in one precision: what a column of results is about."""

    variant: Variant
    precision: Precision = Precision.FP32

    @property
    def name(self) -> str:
        """Say it, as in ``ours fp32``."""
        return f"{self.variant} {self.precision}"


REFERENCE = Contender(Variant.REFERENCE)

Round = Mapping[str, Rate]
"""One measurement of each contender, by name, one soon after the other."""


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, and how far they were apart."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Summarise at least one value."""
        ordered = sorted(values)
        return cls(median(ordered), ordered[0], ordered[-1])


@dataclass(frozen=True)
class Agreement:
    """How far scores of ours are from the reference's, in points of either score."""

    largest: float
    mean: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether no score is farther off than it may be."""
        return self.largest <= self.limit


@dataclass(frozen=True)
class Section:
    """Everything measured for one model, device and format."""

    model: str
    device: str
    format: Format
    rounds: Sequence[Round]
    stages_ms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def has(self, contender: Contender) -> bool:
        """Tell whether a contender was measured."""
        return all(contender.name in one for one in self.rounds)

    def images_per_second(self, contender: Contender) -> Spread:
        """Summarise a contender's rate."""
        return Spread.of(one[contender.name].images_per_second for one in self.rounds)

    def peak_bytes(self, contender: Contender) -> int:
        """Return the most memory that a contender held in any round."""
        return max(one[contender.name].peak_bytes for one in self.rounds)

    def subject(self, contender: Contender) -> str:
        """Say what exactly ran."""
        return self.rounds[0][contender.name].subject

    def ratio(self, over: Contender, under: Contender) -> Spread:
        """Compare rates within each round, so that what slows a whole round cancels."""
        return Spread.of(
            one[over.name].images_per_second / one[under.name].images_per_second
            for one in self.rounds
        )

    def agreement(self, precision: Precision) -> Agreement:
        """Compare the scores of ours with the reference's, over all images and rounds."""
        ours = Contender(Variant.OURS, precision)
        differences = [
            difference
            for one in self.rounds
            for difference in _differences(one[ours.name], one[REFERENCE.name])
        ]
        return Agreement(max(differences), mean(differences), AGREEMENT_LIMIT[precision])


def _differences(ours: Rate, reference: Rate) -> list[float]:
    if len(ours.points) != len(reference.points):
        raise BenchmarkError(
            f"{len(ours.points)} images were scored by us and {len(reference.points)} by the "
            "reference"
        )
    return [
        abs(mine - theirs)
        for pair in zip(ours.points, reference.points, strict=True)
        for mine, theirs in zip(*pair, strict=True)
    ]


@dataclass(frozen=True)
class Growth:
    """What ours takes for a number of images."""

    format: Format
    rate: Rate
