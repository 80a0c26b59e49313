"""The process of a pass over very many files; it prints one JSON line."""

import asyncio
import json
import sys
import time

from benchmarks.memory import own_peak_bytes
from flows.resources import Progress, Resources
from flows.scoring.enlisting import enlist
from flows.scoring.inbox_pass import score_new
from flows.scoring.run import under_way
from flows.settings import Settings


def main() -> None:
    """Pass over the folder in the arguments: ``first`` enlists alone, ``next`` is a whole pass."""
    inbox, which = sys.argv[1:]
    began = time.perf_counter()
    counts = asyncio.run(_first(inbox) if which == "first" else _next(inbox))
    measured = {
        **counts,
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time(),
        "peak_bytes": own_peak_bytes(),
    }
    print(json.dumps(measured))  # noqa: T201 - read by the benchmark


async def _first(inbox: str) -> dict[str, int]:
    async with under_way(inbox, Resources(Settings(), Progress())) as run:
        discovery = await enlist(run)
        return {"enlisted": discovery.enlisted}


async def _next(inbox: str) -> dict[str, int]:
    summary = await score_new(inbox, Resources(Settings(), Progress()))
    return {"enlisted": summary.enlisted, "seen": summary.balance.seen}


if __name__ == "__main__":
    main()
