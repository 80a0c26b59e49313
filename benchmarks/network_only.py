"""The network alone: prepared tensors through the network, in the fastest known way."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.jobs import Job, Precision, Rate
from benchmarks.machine import cores
from benchmarks.networks import network
from benchmarks.weights import image_like

_DISTINCT = 16
_TRIALS = 3  # of which the fastest counts

_TYPE_OF = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16}

Run = Callable[[], int]
"""Pushes all its inputs through a network and returns their number."""


@dataclass(frozen=True)
class Candidate:
    """One way to run a network."""

    engine: str
    threads: int
    batch: int

    @property
    def name(self) -> str:
        """The name in results, such as ``openvino, 2 threads, batch 1``."""
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"{self.engine}, {threads}, batch {self.batch}"


def candidates(device: str) -> list[Candidate]:
    """Return the candidates for a device."""
    if device == "cuda":
        return [
            Candidate(engine, 1, size) for engine in ("torch", "cuda graph") for size in (16, 64)
        ]
    threads = sorted({1, cores()})
    torch_ways = [Candidate("torch", count, batch) for count in threads for batch in (1, 8)]
    return [*torch_ways, Candidate("openvino", cores(), 1)]


def rate(job: Job) -> Rate:
    """Measure the rate of the job's candidate, on as many inputs as the job has images."""
    chosen = next(
        candidate for candidate in candidates(job.device) if candidate.name == job.candidate
    )
    run = _prepared(chosen, job, len(job.images))
    run()  # warm-up
    images, seconds = _timed(run)
    return Rate(images, seconds, (), chosen.name)


def trial(job: Job) -> dict[str, float]:
    """Return images per second of each candidate."""
    runs = {
        candidate.name: _prepared(candidate, job, len(job.images))
        for candidate in candidates(job.device)
    }
    fastest = dict.fromkeys(runs, 0.0)
    for run in runs.values():
        run()  # warm-up
    for _ in range(_TRIALS):  # in turns, so that a slower minute hits all
        for name, run in runs.items():
            images, seconds = _timed(run)
            fastest[name] = max(fastest[name], images / seconds)
    return fastest


def _timed(run: Run) -> tuple[int, float]:
    began = time.perf_counter()
    images = run()
    return images, time.perf_counter() - began


def _prepared(candidate: Candidate, job: Job, count: int) -> Run:
    match candidate.engine:
        case "openvino":
            return _openvino(candidate, job, _inputs(count))
        case "cuda graph":
            return _cuda_graph(candidate, job, count)
        case _:
            return _torch(candidate, job, _inputs(count))


def _inputs(count: int) -> NDArray[np.float32]:
    """Return inputs of shape (count, 1, 224, 224)."""
    repeats = math.ceil(count / _DISTINCT)
    return np.tile(image_like(_DISTINCT), (repeats, 1, 1))[:count, None]


def _torch(candidate: Candidate, job: Job, inputs: NDArray[np.float32]) -> Run:
    """Return a run in eager torch, with channels last, which its convolutions prefer."""
    model = _ready_network(job)
    batches = [
        _ready(batch, job) for batch in torch.split(torch.from_numpy(inputs), candidate.batch)
    ]

    def run() -> int:
        torch.set_num_threads(candidate.threads)
        with torch.inference_mode():
            for batch in batches:
                model(batch)
        if job.device == "cuda":
            torch.cuda.synchronize()
        return len(inputs)

    return run


def _ready_network(job: Job) -> nn.Module:
    return network(job).to(_TYPE_OF[job.precision]).to(memory_format=torch.channels_last)


def _ready(batch: Tensor, job: Job) -> Tensor:
    moved = batch.to(job.device, _TYPE_OF[job.precision])
    return moved.contiguous(memory_format=torch.channels_last)


def _openvino(candidate: Candidate, job: Job, inputs: NDArray[np.float32]) -> Run:
    """Return a run in OpenVINO: one stream of one thread per core, so that none waits."""
    # Otherwise importing OpenVINO reports the import to its makers over the network.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino  # noqa: PLC0415

    example = torch.from_numpy(inputs[:1])
    graph = openvino.convert_model(network(job), example_input=example, input=example.shape)
    properties = {
        "NUM_STREAMS": candidate.threads,
        "INFERENCE_NUM_THREADS": candidate.threads,
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[job.precision],
    }
    compiled = openvino.Core().compile_model(graph, "CPU", properties)
    queue = openvino.AsyncInferQueue(compiled, candidate.threads)

    def run() -> int:
        for image in inputs:
            queue.start_async({0: image[None]}, share_inputs=True)
        queue.wait_all()
        return len(inputs)

    return run


def _cuda_graph(candidate: Candidate, job: Job, count: int) -> Run:
    """Return a run that replays the recorded kernels of one batch: separate starts stall a GPU."""
    model = _ready_network(job)
    batch = _ready(torch.from_numpy(_inputs(candidate.batch)), job)
    with torch.inference_mode():
        warm_up = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        warm_up.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(warm_up):  # a warm-up on another stream, as torch's manual asks for
            model(batch)
        torch.cuda.current_stream().wait_stream(warm_up)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            model(batch)

    # The recording reads weights and batch where they lay: as defaults they stay there.
    def run(_kept: tuple[nn.Module, Tensor] = (model, batch)) -> int:
        replays = math.ceil(count / candidate.batch)
        for _ in range(replays):
            graph.replay()
        torch.cuda.synchronize()
        return replays * candidate.batch

    return run
