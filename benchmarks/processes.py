"""Each measurement in a process of its own: a fresh interpreter that nothing has warmed."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from benchmarks.jobs import BenchmarkError, Job, NotOffered, Rate, Task
from benchmarks.memory import tree_bytes

_ROOT = Path(__file__).parents[1]
_LOOK_EVERY_SECONDS = 0.2  # at the memory: often enough for images, too seldom to disturb
_LINES_OF_AN_ERROR = 5
# What a user's shell may say about threads and about this project holds for nobody here.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def rate(job: Job, home: Path) -> Rate:
    """Run a job that times images.

    Raises
    ------
    NotOffered
        This machine or version does not have what the job asks for.
    BenchmarkError
        The process failed.
    """
    result, peak_bytes = _run(job, home)
    result["points"] = tuple((extent, opacity) for extent, opacity in result["points"])
    return replace(Rate(**result), peak_bytes=peak_bytes)


def table(job: Job, home: Path) -> dict[str, float]:
    """Run a job that returns a number for each of several names; raises as `rate` does."""
    result, _ = _run(job, home)
    return {str(name): float(value) for name, value in result.items()}


def _run(job: Job, home: Path) -> tuple[dict[str, Any], int]:
    """Return a job's result and the peak memory, in bytes."""
    # Files, not pipes: a full pipe would stop the process until it is read.
    with TemporaryFile("w+") as question, TemporaryFile("w+") as said, TemporaryFile("w+") as told:
        json.dump(asdict(job), question)
        question.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child"],
            cwd=_ROOT,
            env=_environment(job, home),
            stdin=question,
            stdout=said,
            stderr=told,
        )
        peak_bytes = _watched(process)
        if process.returncode != 0:
            raise BenchmarkError(f"{_name(job)} failed: {_end_of(told)}")
        said.seek(0)
        answer = json.loads(said.read())
    if "not_offered" in answer:
        raise NotOffered(answer["not_offered"])
    if "failed" in answer:
        raise BenchmarkError(f"{_name(job)}: {answer['failed']}")
    return answer["result"], max(peak_bytes, answer["own_peak_bytes"])


def _watched(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process; return the most memory that it and its helpers held."""
    peak_bytes = 0
    try:
        while process.poll() is None:
            peak_bytes = max(peak_bytes, tree_bytes(process.pid))
            time.sleep(_LOOK_EVERY_SECONDS)
    finally:
        process.kill()  # does nothing to one that has ended
        process.wait()
    return peak_bytes


def _environment(job: Job, home: Path) -> dict[str, str]:
    """Name the job's model to the product, in the way in which an operator does."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SEVERITY_") and name not in {"DATABASE_URL", *_THREADS}
    }
    settings = {
        "SEVERITY_HOME": str(home),
        "SEVERITY_MODEL": job.model,
        "SEVERITY_DEVICE": job.device,
        "SEVERITY_PRECISION": str(job.precision),
        "SEVERITY_WEIGHTS_FILE": job.weights.file,
        "SEVERITY_WEIGHTS_SHA256": job.weights.sha256,
    }
    one_thread = dict.fromkeys(_THREADS, "1") if job.task is Task.STAGES else {}
    return kept | settings | one_thread


def _name(job: Job) -> str:
    return f"{job.variant} {job.task}, {job.model} {job.precision} on {job.device}"


def _end_of(told: IO[str]) -> str:
    told.seek(0)
    return "\n".join(told.read().splitlines()[-_LINES_OF_AN_ERROR:])
