"""The process that passes over the inbox, one pass after another: most find nothing new.

It lives as long as a service does, so that its memory shows what a pass leaves behind. Each line of
its input is a number of passes and the seconds that the clock skips after each; each line of its
output is what they scored and cost.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import psutil

from benchmarks.jobs import BenchmarkError
from benchmarks.year.clock import Clock
from flows.orchestration.environment import configure_prefect
from flows.resources import Progress, Resources
from flows.scoring.inbox_pass import score_new
from flows.settings import Settings


def main() -> None:
    """Pass as often as each line of the input says; the argument is the folder of the clock."""
    clock, settings = Clock(Path(sys.argv[1])), Settings()
    configure_prefect(settings.home, quiet=True)
    resources = Resources(settings, Progress())
    for line in sys.stdin:
        passes, seconds = json.loads(line)
        measured = _measured(resources, clock, passes, seconds)
        print(json.dumps(measured), flush=True)  # noqa: T201 - read by the benchmark


def _measured(resources: Resources, clock: Clock, passes: int, seconds: int) -> dict[str, float]:
    began, scored = time.perf_counter(), 0
    for _ in range(passes):
        scored += _pass(resources)
        clock.forward(seconds)
    return {
        "scored": scored,
        "seconds": time.perf_counter() - began,
        "bytes": psutil.Process().memory_info().rss,
    }


def _pass(resources: Resources) -> int:
    inbox = resources.settings.inbox
    if inbox is None:
        raise BenchmarkError("passes need SEVERITY_INBOX")
    return asyncio.run(score_new(inbox, resources)).scored


if __name__ == "__main__":
    main()
