"""The trainings of a cross-validation: each setting without each fold, several at a time."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import multiprocessing

from severity.models.architectures.efficientnet_lite import EfficientNetLite0
from training.compact_3.fitting import Device, Fitting, Report, Setting, fit, new_network
from training.compact_3.lessons import Canvases
from training.compact_3.network import SeverityNetwork
from training.compact_3.packing import FOLDS, SCALES, Packed, unpack
from training.compact_3.predicting import ScoredPoints, altered_points, maps_of, points_of

HOSPITAL = "hospital"
"""The training without one hospital, under whatever name, and one source of healthy films."""
NONE = "none"
"""The training on all films."""
HELD_OUT = (*(str(fold) for fold in range(FOLDS)), NONE, HOSPITAL)
_OTHER_SOURCE = "montgomery"


def training_name(setting: str, held_out: str, seed: int = 0) -> str:
    """Name a training, for files and the log."""
    return f"{setting}-{held_out}-{seed}"


@dataclass(frozen=True)
class Job:
    """One training: a setting, and what it must not see."""

    setting: Setting
    held_out: str
    seed: int = 0

    @property
    def name(self) -> str:
        """A name for files and the log."""
        return training_name(self.setting.name, self.held_out, self.seed)


@dataclass(frozen=True)
class Place:
    """Where jobs read and write: the file of the films, the folder of the results, the device.

    In ``kept`` lie the weights of networks that were trained before, and are only measured;
    ``advice`` is what ``training.compact_3.advice`` wrote.
    """

    films: Path
    results: Path
    device: Device
    threads: int = 1
    kept: Path | None = None
    advice: Path | None = None

    def predictions(self, name: str) -> Path:
        """Return the file of a training's predictions."""
        return self.results / f"{name}.npz"

    def weights(self, name: str) -> Path:
        """Return the file of a training's weights."""
        return self.results / f"{name}.safetensors"


def training_rows(packed: Packed, held_out: str) -> NDArray[np.bool_]:
    """Return which films a training may see."""
    if held_out == NONE:
        return np.ones(len(packed.fold), bool)
    if held_out == HOSPITAL:
        rows = ~packed.hannover & (packed.source != _OTHER_SOURCE)
    else:
        rows = packed.fold != int(held_out)
    return np.asarray(rows, bool)


def start_of(films: Path) -> EfficientNetLite0:
    """Load the ImageNet weights that lie beside the packed films."""
    backbone = EfficientNetLite0()
    state = backbone.state_dict()
    backbone.load_state_dict(state | load_file(films.with_name("imagenet.safetensors")))
    return backbone


def run(jobs: Sequence[Job], place: Place, *, at_once: int, seconds: float) -> list[Job]:
    """Do all jobs, ``at_once`` processes taking one after the other.

    Returns
    -------
    The jobs that were done within this time.
    """
    context = multiprocessing.get_context("spawn")
    queue: Any = context.Queue()
    for job in [*jobs, *[None] * at_once]:
        queue.put(job)
    workers = [context.Process(target=_work, args=(queue, place)) for _ in range(at_once)]
    for worker in workers:
        worker.start()
    ends = time.monotonic() + seconds
    for worker in workers:
        worker.join(max(0.0, ends - time.monotonic()))
        if worker.is_alive():
            worker.terminate()
    return [job for job in jobs if place.predictions(job.name).exists()]


def _work(queue: Any, place: Place) -> None:  # noqa: ANN401 - the queue of any context
    torch.set_num_threads(place.threads)
    packed = unpack(place.films)
    start = start_of(place.films)
    while (job := queue.get()) is not None:
        try:
            do(job, packed, start, place)
        except ArithmeticError as error:  # it diverged: the others go on without it
            _reporter(job.name)(str(error))


def do(job: Job, packed: Packed, start: EfficientNetLite0, place: Place) -> None:
    """Train one network or take a kept one, and write its weights and then its predictions."""
    films = Canvases.of(packed, place.device.name, _advice(job, place))
    if place.kept:
        network = new_network(start, job.setting)
        kept = load_file(place.kept / place.weights(job.name).name)
        network.load_state_dict(network.state_dict() | kept)
        network.to(place.device.name).eval()
    else:
        rows, report = training_rows(packed, job.held_out), _reporter(job.name)
        fitting = Fitting(start, job.setting, place.device, seed=job.seed)
        network = fit(films, rows, fitting, job.setting, report)
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    save_file(state, place.weights(job.name))
    measure(job, packed, films, network, place)


def measure(
    job: Job, packed: Packed, films: Canvases, network: SeverityNetwork, place: Place
) -> None:
    """Write the predictions of a network, and what it makes of the films that it did not see."""
    rows = training_rows(packed, job.held_out)
    points = points_of(ScoredPoints(network), films, np.arange(len(rows)))
    measured = {} if rows.all() else _unseen(packed, films, network, ~rows)
    partial = place.results / f"partial-{job.name}.npz"
    np.savez(partial, points=points, unseen=~rows, **measured)
    partial.rename(place.predictions(job.name))
    _reporter(job.name)(summary(packed, ~rows & packed.scored, points))


def _unseen(
    packed: Packed, films: Canvases, network: SeverityNetwork, unseen: NDArray[np.bool_]
) -> dict[str, Any]:
    """Measure maps and alterations on the films that a training did not see."""
    places = np.flatnonzero(unseen)
    altered_rows = np.flatnonzero((packed.scored | packed.healthy) & unseen)
    arrays: dict[str, Any] = {
        "altered_rows": altered_rows,
        "altered": altered_points(ScoredPoints(network), films, altered_rows),
    }
    for name, values in asdict(maps_of(network, films, places)).items():
        arrays[name] = np.full((len(unseen), *values.shape[1:]), np.nan, np.float32)
        arrays[name][places] = values
    return arrays


def summary(packed: Packed, rows: NDArray[np.bool_], points: NDArray[np.float32]) -> str:
    """Return the mean absolute errors on these films in a line."""
    if not rows.any():
        return "no film held out"
    errors = (points[rows].clip(0, 1) - packed.points[rows]) * SCALES
    extent, opacity = np.abs(errors).mean(axis=0)
    bias = errors.mean(axis=0)
    return f"{rows.sum()} films: extent {extent:.3f} ({bias[0]:+.2f}), opacity {opacity:.3f}"


def _advice(job: Job, place: Place) -> NDArray[np.float32] | None:
    """Return the points that a network gave which was not shown the held-out films either."""
    if not job.setting.advised or place.advice is None:
        return None
    with np.load(place.advice) as stored:
        advice: NDArray[np.float32] = stored[job.held_out]
        return advice


def _reporter(name: str) -> Report:
    def report(line: str) -> None:
        print(time.strftime("%H:%M:%S"), name, line, flush=True)

    return report
