"""Our variant: the product as it is, from files to scores."""

import time
from datetime import tzinfo
from pathlib import Path

import torch

from benchmarks.jobs import BenchmarkError, Job, NotOffered, Rate
from benchmarks.stages import Stopwatch
from flows.reports import FileResult
from flows.resources import Progress, Resources
from flows.scoring.single_files import score_files
from flows.settings import Settings
from severity.errors import ModelUnavailable
from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord
from severity.models.scoring_model import ScoringModel
from severity.pseudonym import DerivedUids

_RECORD = SidecarRecord(patient_id="benchmark")


def rate(job: Job) -> Rate:
    """Measure the rate over all images, without loading and warm-up."""
    resources = Resources(Settings(), Progress())
    version = _model(resources, job).version
    files = [Path(file) for file in job.images]
    score_files([Path(file) for file in job.warm_up], resources)
    began = time.perf_counter()
    results = score_files(files, resources)
    seconds = time.perf_counter() - began
    return Rate(len(files), seconds, tuple(map(_points, results)), version.key)


def _model(resources: Resources, job: Job) -> ScoringModel:
    """Load the model that the environment of this process selects."""
    try:
        model = resources.load_model()
    except ModelUnavailable as error:
        raise NotOffered(str(error)) from error
    if model.version.precision != job.precision:
        raise NotOffered(f"{job.model} is not scored with {job.precision} here")
    return model


def _points(result: FileResult) -> tuple[float, float]:
    if result.score is None:
        # A rejected image takes little time, which would raise the rate.
        raise BenchmarkError(f"an image was rejected: {result.reason}: {result.detail}")
    return result.score.geographic_extent_raw, result.score.opacity_raw


def stages(job: Job) -> dict[str, float]:
    """Return milliseconds per image by stage."""
    torch.set_num_threads(1)
    resources, watch = Resources(Settings(), Progress()), Stopwatch()
    model, zone = _model(resources, job), resources.settings.zone
    for file in job.warm_up:
        _time_stages(Path(file), model, zone, Stopwatch())
    for file in job.images:
        _time_stages(Path(file), model, zone, watch)
    return watch.mean_ms()


def _time_stages(file: Path, model: ScoringModel, zone: tzinfo, watch: Stopwatch) -> None:
    with watch("read"):
        content = file.read_bytes()
    with watch("decode"):
        radiograph = read_radiograph(content, _RECORD, uids=DerivedUids.unlinked(), zone=zone)
    with watch("preprocess"):
        image = model.prepare(radiograph.grey)
    with watch("forward"):
        model.score([image])
