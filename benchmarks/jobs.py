"""What is measured: a job for a process of its own, and what comes back of it."""

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """What the films come in."""

    RASTER = "png-jpeg"  # of mixed size
    UNCOMPRESSED = "dicom"
    JPEG_2000 = "dicom-jpeg-2000"  # lossless


class Variant(StrEnum):
    """Three ways to spend time on the same films."""

    REFERENCE = "reference"  # the authors' code: films to scores
    OURS = "ours"  # films to scores
    BARE = "bare"  # ready tensors through the network and nothing else


class Task(StrEnum):
    """What a process measures."""

    RATE = "rate"  # the time that all films take
    STAGES = "stages"  # where one film's time goes, on one thread
    TRIAL = "trial"  # which bare forward pass is the fastest here


class Precision(StrEnum):
    """Numbers that the network calculates with. The reference knows fp32 alone."""

    FP32 = "fp32"
    BF16 = "bf16"


@dataclass(frozen=True)
class Weights:
    """The published model's file; both empty for a model that brings its own."""

    file: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Job:
    """One measurement. Travels to its process as JSON."""

    variant: Variant
    task: Task
    model: str
    precision: Precision
    device: str  # "cpu" or "cuda"
    warm_up: tuple[str, ...]  # films that come first and do not count
    films: tuple[str, ...]
    weights: Weights
    candidate: str = ""  # which bare forward pass


@dataclass(frozen=True)
class Rate:
    """What a variant achieved.

    ``points`` holds (geographic extent, opacity) of each film before clipping, which would
    hide differences; it is empty for the bare forward pass, which has no films.
    """

    films: int
    seconds: float
    points: tuple[tuple[float, float], ...]
    subject: str  # what exactly ran: the model version, the bare forward pass
    peak_bytes: int = 0  # of memory, of the process and its helpers together

    @property
    def films_per_second(self) -> float:
        """How many films a second."""
        return self.films / self.seconds


class BenchmarkError(Exception):
    """Nothing can be measured, or it would not mean anything; the message says why."""


class NotOffered(BenchmarkError):
    """Something that this machine or this version does not have, such as bf16."""
