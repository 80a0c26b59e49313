"""Run each measurement in a process of its own: a fresh interpreter with cold caches."""

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
_SAMPLING_SECONDS = 0.2  # of the memory: often enough for images, too seldom to disturb
_LINES_OF_AN_ERROR = 5
# A user's settings of threads and of this project must not reach the measured processes.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def rate(job: Job, home: Path) -> Rate:
    """Run a job that measures a rate.

    Raises
    ------
    NotOffered
        This machine or version lacks what the job needs.
    BenchmarkError
        The process failed.
    """
    result, peak_bytes = _run(job, home)
    result["points"] = tuple((extent, opacity) for extent, opacity in result["points"])
    return replace(Rate(**result), peak_bytes=peak_bytes)


def table(job: Job, home: Path) -> dict[str, float]:
    """Run a job that measures named numbers, and return them; raises as `rate` does."""
    result, _ = _run(job, home)
    return {str(name): float(value) for name, value in result.items()}


def _run(job: Job, home: Path) -> tuple[dict[str, Any], int]:
    """Return a job's result and the peak memory, in bytes."""
    # Files, not pipes: a full pipe would stop the process until it is read.
    with TemporaryFile("w+") as jobs, TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        json.dump(asdict(job), jobs)
        jobs.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child"],
            cwd=_ROOT,
            env=_environment(job, home),
            stdin=jobs,
            stdout=output,
            stderr=errors,
        )
        peak_bytes = _watched(process)
        if process.returncode != 0:
            raise BenchmarkError(f"{_name(job)} failed: {_end_of(errors)}")
        output.seek(0)
        answer = json.loads(output.read())
    if "not_offered" in answer:
        raise NotOffered(answer["not_offered"])
    if "failed" in answer:
        raise BenchmarkError(f"{_name(job)}: {answer['failed']}")
    return answer["result"], max(peak_bytes, answer["own_peak_bytes"])


def _watched(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process; return the peak memory of it and its helpers."""
    peak_bytes = 0
    try:
        while process.poll() is None:
            peak_bytes = max(peak_bytes, tree_bytes(process.pid))
            time.sleep(_SAMPLING_SECONDS)
    finally:
        process.kill()  # no effect if it has ended
        process.wait()
    return peak_bytes


def _environment(job: Job, home: Path) -> dict[str, str]:
    """Return the environment that selects the job's model, as an operator would set it."""
    environment = {
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
    return environment | settings | one_thread


def _name(job: Job) -> str:
    return f"{job.variant} {job.task}, {job.model} {job.precision} on {job.device}"


def _end_of(errors: IO[str]) -> str:
    errors.seek(0)
    return "\n".join(errors.read().splitlines()[-_LINES_OF_AN_ERROR:])
