"""The process that times a pass and scoring alone; it prints one JSON line."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.images import write_images
from benchmarks.jobs import BenchmarkError, Format
from flows.orchestration.environment import configure_prefect
from flows.orchestration.server import prefect_api
from flows.resources import Progress, Resources
from flows.scoring.inbox_pass import score_new
from flows.scoring.single_files import score_files
from flows.settings import Settings
from flows.sources import open_inbox

_WARM_UP_IMAGES = 4
_PORTION = 1000


def main() -> None:
    """Time both over the folder in the arguments, the pass first unless ``backwards`` is one."""
    inbox, backwards = Path(sys.argv[1]), "backwards" in sys.argv[2:]
    output = os.dup(1)
    os.dup2(2, 1)
    timings = _timed(inbox, backwards=backwards)
    with os.fdopen(output, "w") as stream:
        stream.write(json.dumps(timings) + "\n")


def _timed(inbox: Path, *, backwards: bool) -> dict[str, float]:
    resources = Resources(Settings(), Progress())
    configure_prefect(resources.settings.home, quiet=True)
    with prefect_api():
        return _timed_ways(resources, inbox, backwards=backwards)


def _timed_ways(resources: Resources, inbox: Path, *, backwards: bool) -> dict[str, float]:
    files = _start(resources, inbox)
    ways: dict[str, Callable[[], object]] = {
        "pass": lambda: _pass(inbox, resources),
        "alone": lambda: score_files(files, resources),
    }
    timings: dict[str, float] = {"files": len(files)}
    for name in sorted(ways, reverse=not backwards):
        wall, processor = time.perf_counter(), time.process_time()
        ways[name]()
        timings[f"{name}_seconds"] = time.perf_counter() - wall
        timings[f"{name}_processor_seconds"] = time.process_time() - processor
    return timings


def _start(resources: Resources, inbox: Path) -> list[Path]:
    """Open the database, load the model and warm both up; return the inbox's files."""
    resources.open_database()
    resources.load_model()
    with TemporaryDirectory(prefix="severity-benchmark-") as folder:
        images = Path(folder) / "images"
        written = write_images(Format.UNCOMPRESSED, _WARM_UP_IMAGES, data=inbox, folder=images)
        score_files(map(Path, written), resources)
        _pass(images, resources)
    return asyncio.run(_files(inbox))


async def _files(inbox: Path) -> list[Path]:
    listing = open_inbox(str(inbox), settle=timedelta(0)).listing(now=datetime.now(UTC))
    portions = listing.portions(_PORTION)
    return [inbox / item.key async for portion in portions for item in portion.objects]


def _pass(inbox: Path, resources: Resources) -> None:
    summary = asyncio.run(score_new(str(inbox), resources))
    if not summary.enlisted or summary.balance.of(summary.model_version).waiting:
        raise BenchmarkError("the pass left images waiting, or had nothing to enlist")


if __name__ == "__main__":
    main()
