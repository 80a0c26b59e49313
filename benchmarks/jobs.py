"""Jobs, each for a process of its own, and their results."""

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """The file format of the images."""

    RASTER = "png-jpeg"  # of mixed size
    UNCOMPRESSED = "dicom"
    JPEG_2000 = "dicom-jpeg-2000"  # lossless


class Variant(StrEnum):
    """Three ways to process the same images."""

    REFERENCE = "reference"  # the authors' code: images to scores
    OURS = "ours"  # images to scores
    NETWORK_ONLY = "network_only"  # prepared tensors through the network alone


class Task(StrEnum):
    """The measurement that a process makes."""

    RATE = "rate"  # the time that all images take
    STAGES = "stages"  # where one image's time goes, on one thread
    TRIAL = "trial"  # which network alone is the fastest here


class Precision(StrEnum):
    """The arithmetic of the network. The reference has only fp32."""

    FP32 = "fp32"
    BF16 = "bf16"


@dataclass(frozen=True)
class Weights:
    """The published model's weights file; both are empty for a bundled model."""

    file: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Job:
    """One measurement. It is sent to its process as JSON."""

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
    """The rate of a variant.

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
        """Images per second."""
        return self.images / self.seconds


class BenchmarkError(Exception):
    """The measurement cannot be made, or would have no meaning: print the message and stop."""


class NotOffered(BenchmarkError):
    """The machine or version lacks what the job needs, such as bf16: leave the job out."""
