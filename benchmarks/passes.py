"""The cost of a pass over an inbox: when nothing waits, and compared with scoring alone."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.comparison import Spread
from benchmarks.jobs import BenchmarkError
from benchmarks.programs import inherited_environment

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Cost:
    """The seconds of a command; of processors, with the child processes that it waited for."""

    wall: float
    processor: float


@dataclass(frozen=True)
class PassRound:
    """One round: the pass and scoring alone, after start-up and as whole commands."""

    files: int
    after_start: Mapping[str, float]
    whole_pass: Cost
    whole_score: Cost
    empty_pass: Cost

    @property
    def ratio(self) -> float:
        """The time of the pass over that of scoring alone, both after start-up."""
        return self.after_start["pass_seconds"] / self.after_start["alone_seconds"]


def measure_passes(inbox: Path, rounds: int, folder: Path, progress: Console) -> list[PassRound]:
    """Measure passes over a folder; each round in a home of its own.

    Raises
    ------
    BenchmarkError
        There is no such folder, or a command failed.
    """
    if not inbox.is_dir():
        raise BenchmarkError(f"there is no {inbox}: set the folder that contains cidc with --data")
    measured = []
    for number in range(rounds):
        costs = _round(inbox, folder / f"pass-{number}", backwards=number % 2 == 1)
        progress.print(
            f"round {number + 1}: empty pass {costs.empty_pass.wall:.1f} s, ratio {costs.ratio:.2f}"
        )
        measured.append(costs)
    return measured


def _round(inbox: Path, home: Path, *, backwards: bool) -> PassRound:
    after_start = _after_start(inbox, home / "apart", backwards=backwards)
    files = sorted(str(path) for path in (inbox / "images").iterdir())
    return PassRound(
        files=int(after_start.pop("files")),
        after_start=after_start,
        whole_pass=_command(["run", "--inbox", str(inbox)], home),
        empty_pass=_command(["run", "--inbox", str(inbox)], home),
        # Exit code 1 means that a file is rejected, and some are.
        whole_score=_command(["score", "--csv", *files], home, codes=(0, 1)),
    )


def _after_start(inbox: Path, home: Path, *, backwards: bool) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.pass_process", str(inbox)]
    ended = _run([*command, "backwards"] if backwards else command, home)
    timings: dict[str, float] = json.loads(ended.stdout)
    return timings


def _command(arguments: Sequence[str], home: Path, codes: Sequence[int] = (0,)) -> Cost:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    _run([sys.executable, "-m", "flows", *arguments], home, codes)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, processor)


def _run(
    command: Sequence[str], home: Path, codes: Sequence[int] = (0,)
) -> subprocess.CompletedProcess[str]:
    settings = {
        "SEVERITY_HOME": str(home),
        "SEVERITY_DEVICE": "cpu",
        "SEVERITY_SETTLE_SECONDS": "0",
    }
    ended = subprocess.run(
        command,
        cwd=_ROOT,
        env=inherited_environment() | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode not in codes:
        raise BenchmarkError(f"{command[2]} failed: {ended.stderr[-2000:]}")
    return ended


def show_passes(rounds: Sequence[PassRound], console: Console) -> None:
    """Print medians and ranges as a table."""
    table = Table(box=box.SIMPLE_HEAD, title=f"Passes over {rounds[0].files} files")
    for column in ("what", "seconds", "of a processor"):
        table.add_column(column)
    for name, costs in {
        "empty pass, whole command": [costs.empty_pass for costs in rounds],
        "pass, whole command": [costs.whole_pass for costs in rounds],
        "score, whole command": [costs.whole_score for costs in rounds],
        "pass, after start-up": [_after_start_cost(costs, "pass") for costs in rounds],
        "scoring alone, after start-up": [_after_start_cost(costs, "alone") for costs in rounds],
    }.items():
        walls, processors = (
            [getattr(cost, kind) for cost in costs] for kind in ("wall", "processor")
        )
        table.add_row(name, _text(Spread.of(walls)), _text(Spread.of(processors)))
    console.print(table)
    ratio = Spread.of(costs.ratio for costs in rounds)
    console.print(f"pass / scoring alone, after start-up, within a round: {_text(ratio)}")


def _after_start_cost(costs: PassRound, name: str) -> Cost:
    measured = costs.after_start
    return Cost(measured[f"{name}_seconds"], measured[f"{name}_processor_seconds"])


def _text(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.lowest:.2f} to {spread.highest:.2f})"


def passes_to_json(rounds: Sequence[PassRound]) -> list[dict[str, object]]:
    """Return all rounds as values for JSON."""
    return [asdict(costs) | {"pass_over_alone": costs.ratio} for costs in rounds]
