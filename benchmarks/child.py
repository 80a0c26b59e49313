"""The process that measures: it reads one job from standard input and prints one JSON line."""

import json
import os
import sys
from dataclasses import asdict
from importlib import import_module

from benchmarks.jobs import BenchmarkError, Job, NotOffered, Precision, Task, Variant, Weights
from benchmarks.memory import own_peak_bytes

_MODULES = {
    Variant.REFERENCE: "benchmarks.authors_way",
    Variant.OURS: "benchmarks.product",
    Variant.NETWORK_ONLY: "benchmarks.network_only",
}


def main() -> None:
    """Run the job. The output of libraries is redirected to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    answer = _measured(parsed(sys.stdin.read())) | {"own_peak_bytes": own_peak_bytes()}
    with os.fdopen(output, "w") as stream:
        stream.write(json.dumps(answer) + "\n")


def parsed(text: str) -> Job:
    """Parse a job from JSON."""
    job = json.loads(text)
    return Job(
        **job
        | {
            "variant": Variant(job["variant"]),
            "task": Task(job["task"]),
            "precision": Precision(job["precision"]),
            "warm_up": tuple(job["warm_up"]),
            "images": tuple(job["images"]),
            "weights": Weights(**job["weights"]),
        }
    )


def _measured(job: Job) -> dict[str, object]:
    # Only the variant that is measured is imported: each has the process to itself.
    variant = import_module(_MODULES[job.variant])
    try:
        result = getattr(variant, job.task)(job)
    except NotOffered as error:
        return {"not_offered": str(error)}
    except BenchmarkError as error:
        return {"failed": str(error)}
    return {"result": asdict(result) if job.task is Task.RATE else result}


if __name__ == "__main__":
    main()
