"""Workers of the ledger alone, each a process: all begin at once, and say what they measured."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from benchmarks.jobs import BenchmarkError
from benchmarks.scale.figures import Figure
from db.ledger.claiming import Queue

IMAGES_PER_SECOND = 3000
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Measured:
    """What a worker measured: images, the seconds of its clock, and milliseconds of each call."""

    scored: int
    began: float
    ended: float
    processor_seconds: float
    claims_ms: list[float]
    closings_ms: list[float]


@dataclass(frozen=True)
class WorkerGroup:
    """Workers that claim and close images of a queue, of patients who were built."""

    url: str
    queue: Queue
    patients: int

    def work(self, images: int, *, batch: int, workers: int) -> list[Measured]:
        """Let workers claim and close about so many images together.

        Raises
        ------
        BenchmarkError
            A worker ended early.
        """
        job = {
            "url": self.url,
            "source_id": self.queue.source_id,
            "model_version_id": self.queue.model_version_id,
            "patients": self.patients,
            "images": images // workers,
            "batch": batch,
        }
        processes = [_started(job) for _ in range(workers)]
        try:
            for process in processes:
                _line_of(process)  # it is ready
            for process in processes:
                _tell(process, "go")
            return [Measured(**json.loads(_line_of(process))) for process in processes]
        finally:
            for process in processes:
                process.kill()  # no effect if it has ended
                process.communicate()


def _started(job: dict[str, object]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.scale.worker_process"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    _tell(process, json.dumps(job))
    return process


def _tell(process: "subprocess.Popen[str]", line: str) -> None:
    stream = cast("IO[str]", process.stdin)
    stream.write(line + "\n")
    stream.flush()


def _line_of(process: "subprocess.Popen[str]") -> str:
    line = cast("IO[str]", process.stdout).readline()
    if not line:
        raise BenchmarkError("a worker ended early; its error is above")
    return line


def rate(name: str, measured: Sequence[Measured], target: float = IMAGES_PER_SECOND) -> Figure:
    """Return the images a second of all workers together, from the first start to the last end.

    Raises
    ------
    BenchmarkError
        Nothing was scored.
    """
    seconds = max(worker.ended for worker in measured) - min(worker.began for worker in measured)
    images = sum(worker.scored for worker in measured)
    if not images:
        raise BenchmarkError(f"{name}: nothing was scored")
    return Figure(name, images / seconds, "images/s", target, at_least=True)
