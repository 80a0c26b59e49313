"""What is measured: a job for a process of its own, and what comes back of it."""

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """What the images come in."""

    RASTER = "png-jpeg"  # of mixed size
    UNCOMPRESSED = "dicom"
    JPEG_2000 = "dicom-jpeg-2000"  # lossless


class Variant(StrEnum):
    """Three ways to spend time on the same images."""

    REFERENCE = "reference"  # the authors' code: images to scores
    OURS = "ours"  # images to scores
    NETWORK_ONLY = "network_only"  # ready tensors through the network and nothing else


class Task(StrEnum):
    """What a process measures."""

    RATE = "rate"  # the time that all images take
    STAGES = "stages"  # where one image's time goes, on one thread
    TRIAL = "trial"  # which network alone is the fastest here


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
    warm_up: tuple[str, ...]  # images that come first and do not count
    images: tuple[str, ...]
    weights: Weights
    candidate: str = ""  # which network alone


@dataclass(frozen=True)
class Rate:
    """What a variant achieved.

    ``points`` holds (geographic extent, opacity) of each image before clipping, which would
    hide differences; it is empty for the network alone, which has no images.
    """

    images: int
    seconds: float
    points: tuple[tuple[float, float], ...]
    subject: str  # what exactly ran: the model version, the network alone
    peak_bytes: int = 0  # of memory, of the process and its helpers together

    @property
    def images_per_second(self) -> float:
        """How many images per second."""
        return self.images / self.seconds


class BenchmarkError(Exception):
    """Nothing can be measured, or it would not mean anything; the message says why."""


class NotOffered(BenchmarkError):
    """Something that this machine or this version does not have, such as bf16."""
