"""The results of rounds of measurements: rates, paired ratios, agreement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from benchmarks.jobs import BenchmarkError, Format, Precision, Rate, Variant

AGREEMENT_LIMIT = {Precision.FP32: 0.02, Precision.BF16: 0.05}
"""The largest difference allowed between a score of ours and the reference's, in points."""


@dataclass(frozen=True)
class Contender:
    """One variant in one precision: the subject of one column of results."""

    variant: Variant
    precision: Precision = Precision.FP32

    @property
    def name(self) -> str:
        """The name in results, such as ``ours fp32``."""
        return f"{self.variant} {self.precision}"


REFERENCE = Contender(Variant.REFERENCE)

Round = Mapping[str, Rate]
"""One measurement of each contender, by name, in quick succession."""


@dataclass(frozen=True)
class Spread:
    """The median and the range of several rounds."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Summarise one value or more."""
        ordered = sorted(values)
        return cls(median(ordered), ordered[0], ordered[-1])


@dataclass(frozen=True)
class Agreement:
    """The differences of our scores from the reference's, in points of either score."""

    largest: float
    mean: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether no difference exceeds the limit."""
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
        """Return whether a contender was measured."""
        return all(contender.name in rates for rates in self.rounds)

    def images_per_second(self, contender: Contender) -> Spread:
        """Summarise a contender's rate."""
        return Spread.of(rates[contender.name].images_per_second for rates in self.rounds)

    def peak_bytes(self, contender: Contender) -> int:
        """Return the peak memory of a contender over all rounds."""
        return max(rates[contender.name].peak_bytes for rates in self.rounds)

    def subject(self, contender: Contender) -> str:
        """Return what exactly ran for a contender."""
        return self.rounds[0][contender.name].subject

    def ratio(self, over: Contender, under: Contender) -> Spread:
        """Compare rates within each round, so that what slows a whole round cancels."""
        return Spread.of(
            rates[over.name].images_per_second / rates[under.name].images_per_second
            for rates in self.rounds
        )

    def agreement(self, precision: Precision) -> Agreement:
        """Compare the scores of ours with the reference's, over all images and rounds."""
        ours = Contender(Variant.OURS, precision)
        differences = [
            difference
            for rates in self.rounds
            for difference in _differences(rates[ours.name], rates[REFERENCE.name])
        ]
        return Agreement(max(differences), mean(differences), AGREEMENT_LIMIT[precision])


def _differences(ours: Rate, reference: Rate) -> list[float]:
    if len(ours.points) != len(reference.points):
        raise BenchmarkError(
            f"the product scored {len(ours.points)} images, the reference {len(reference.points)}"
        )
    return [
        abs(points - reference_points)
        for image in zip(ours.points, reference.points, strict=True)
        for points, reference_points in zip(*image, strict=True)
    ]


@dataclass(frozen=True)
class Growth:
    """The product's rate and memory for a number of images."""

    format: Format
    rate: Rate
