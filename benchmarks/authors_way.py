"""The reference: the authors' scripts, image by image, batch 1, in eager torch.

References
----------
* Cohen et al. 2020, arXiv:2005.11856, and their ``predict_severity.py``: ``skimage.io.imread``,
  ``normalize``, ``XRayCenterCrop``, ``XRayResizer(224)``, DenseNet-121, two lines.
* torchxrayvision, ``utils.read_xray_dcm`` with ``voi_lut=True``, for DICOM.
"""

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import skimage.io
import torch
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels.processing import apply_voi_lut
from torch import nn
from torchxrayvision.datasets import XRayCenterCrop, XRayResizer, normalize

from benchmarks.jobs import Job, Rate
from benchmarks.networks import PUBLISHED, network
from benchmarks.stages import Stopwatch
from severity.images.preprocessing import MODEL_SIDE

_LUNG_OPACITY = 16  # of the 18 logits
# Slope and intercept of geographic extent, of opacity.
_LINES = ((0.8705248236656189, 3.4137437), (0.5484423041343689, 2.5535977))


class Timing(Protocol):
    """A timer of named stages."""

    def __call__(self, stage: str, /) -> AbstractContextManager[object]:
        """Return a context that surrounds a stage."""


def _untimed(_stage: str, /) -> AbstractContextManager[object]:
    return nullcontext()


@dataclass(frozen=True)
class AuthorsWay:
    """The authors' code around one network."""

    network: nn.Module
    two_lines: bool  # whether scores are two linear functions of one logit
    device: torch.device

    @classmethod
    def of(cls, job: Job) -> "AuthorsWay":
        """Load the network of a job."""
        return cls(network(job), job.model == PUBLISHED, torch.device(job.device))

    def score(self, file: str, timing: Timing = _untimed) -> tuple[float, float]:
        """Return geographic extent and opacity before clipping."""
        image = model_input(file, timing)
        with timing("forward"), torch.no_grad():
            batch = torch.from_numpy(image).unsqueeze(0).to(self.device)
            outputs = self.network(batch)[0].cpu().tolist()
        if not self.two_lines:
            extent, opacity = outputs
            return extent, opacity
        extent, opacity = (outputs[_LUNG_OPACITY] * slope + bias for slope, bias in _LINES)
        return extent, opacity


def model_input(file: str, timing: Timing = _untimed) -> NDArray[np.float32]:
    """Read and prepare an image, shape (1, 224, 224) on [-1024, 1024]."""
    read = _read_dicom if Path(file).suffix == ".dcm" else _read_raster
    pixels, highest = read(file, timing)
    with timing("normalize"):
        normalized = normalize(pixels, highest)
        if normalized.ndim > 2:  # noqa: PLR2004
            normalized = normalized[:, :, 0]
    with timing("crop and resize"):
        cropped = XRayCenterCrop()(normalized[None])
        resized: NDArray[np.float32] = XRayResizer(MODEL_SIDE)(cropped)
    return resized


def _read_raster(file: str, timing: Timing) -> tuple[NDArray[np.number], int]:
    with timing("read and decode"):
        return skimage.io.imread(file), 255


def _read_dicom(file: str, timing: Timing) -> tuple[NDArray[np.number], int]:
    with timing("read and decode"):
        dataset = dcmread(file)
        pixels = dataset.pixel_array
    highest = 2**dataset.BitsStored - 1
    with timing("window"):
        windowed = apply_voi_lut(pixels, dataset)
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            windowed = highest - windowed
    return windowed, highest


def rate(job: Job) -> Rate:
    """Measure the rate over all images, without loading and warm-up."""
    way = AuthorsWay.of(job)
    for file in job.warm_up:
        way.score(file)
    began = time.perf_counter()
    points = tuple(way.score(file) for file in job.images)
    seconds = time.perf_counter() - began
    return Rate(len(points), seconds, points, f"torchxrayvision, torch {torch.__version__} eager")


def stages(job: Job) -> dict[str, float]:
    """Return milliseconds per image by stage."""
    torch.set_num_threads(1)
    way, watch = AuthorsWay.of(job), Stopwatch()
    for file in job.warm_up:
        way.score(file)
    for file in job.images:
        way.score(file, watch)
    return watch.mean_ms()
