"""What a pass over an inbox costs: when nothing waits, and beside scoring alone."""

import json
import os
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

_ROOT = Path(__file__).parents[1]
_OTHERS_SETTINGS = ("SEVERITY_", "PREFECT_", "AWS_", "DATABASE_URL")


@dataclass(frozen=True)
class Cost:
    """What a command took, in seconds; of processors, that of the processes it waited for too."""

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
        """How many times what scoring alone takes the pass takes, both after start-up."""
        return self.after_start["pass_seconds"] / self.after_start["alone_seconds"]


def measure_passes(inbox: Path, rounds: int, folder: Path, progress: Console) -> list[PassRound]:
    """Measure passes over a folder; each round in a home of its own.

    Raises
    ------
    BenchmarkError
        There is no such folder, or a command failed.
    """
    if not inbox.is_dir():
        raise BenchmarkError(f"there is no {inbox}: name the folder that holds cidc by --data")
    measured = []
    for number in range(rounds):
        one = _round(inbox, folder / f"pass-{number}", backwards=number % 2 == 1)
        progress.print(
            f"round {number + 1}: empty pass {one.empty_pass.wall:.1f} s, ratio {one.ratio:.2f}"
        )
        measured.append(one)
    return measured


def _round(inbox: Path, home: Path, *, backwards: bool) -> PassRound:
    after_start = _after_start(inbox, home / "apart", backwards=backwards)
    files = sorted(str(path) for path in (inbox / "images").iterdir())
    return PassRound(
        files=int(after_start.pop("files")),
        after_start=after_start,
        whole_pass=_command(["run", "--inbox", str(inbox)], home),
        empty_pass=_command(["run", "--inbox", str(inbox)], home),
        # It ends with 1 where a file is rejected, and some are.
        whole_score=_command(["score", "--csv", *files], home, codes=(0, 1)),
    )


def _after_start(inbox: Path, home: Path, *, backwards: bool) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.pass_process", str(inbox)]
    ended = _ended([*command, "backwards"] if backwards else command, home)
    answer: dict[str, float] = json.loads(ended.stdout)
    return answer


def _command(arguments: Sequence[str], home: Path, codes: Sequence[int] = (0,)) -> Cost:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    _ended([sys.executable, "-m", "flows", *arguments], home, codes)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, processor)


def _ended(
    command: Sequence[str], home: Path, codes: Sequence[int] = (0,)
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OTHERS_SETTINGS)}
    ours = {
        "SEVERITY_HOME": str(home),
        "SEVERITY_DEVICE": "cpu",
        "SEVERITY_SETTLE_SECONDS": "0",
    }
    ended = subprocess.run(
        command, cwd=_ROOT, env=kept | ours, capture_output=True, text=True, check=False
    )
    if ended.returncode not in codes:
        raise BenchmarkError(f"{command[2]} failed: {ended.stderr[-2000:]}")
    return ended


def show_passes(rounds: Sequence[PassRound], console: Console) -> None:
    """Print medians, and from lowest to highest."""
    table = Table(box=box.SIMPLE_HEAD, title=f"Passes over {rounds[0].files} files")
    for column in ("what", "seconds", "of a processor"):
        table.add_column(column)
    for name, cost in {
        "empty pass, whole command": [one.empty_pass for one in rounds],
        "pass, whole command": [one.whole_pass for one in rounds],
        "score, whole command": [one.whole_score for one in rounds],
        "pass, after start-up": [_part(one, "pass") for one in rounds],
        "scoring alone, after start-up": [_part(one, "alone") for one in rounds],
    }.items():
        walls, processors = ([getattr(one, k) for one in cost] for k in ("wall", "processor"))
        table.add_row(name, _text(Spread.of(walls)), _text(Spread.of(processors)))
    console.print(table)
    ratio = Spread.of(one.ratio for one in rounds)
    console.print(f"pass / scoring alone, after start-up, within a round: {_text(ratio)}")


def _part(one: PassRound, name: str) -> Cost:
    measured = one.after_start
    return Cost(measured[f"{name}_seconds"], measured[f"{name}_processor_seconds"])


def _text(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.lowest:.2f} to {spread.highest:.2f})"


def passes_to_json(rounds: Sequence[PassRound]) -> list[dict[str, object]]:
    """Return all rounds as programs read them."""
    return [asdict(one) | {"pass_over_alone": one.ratio} for one in rounds]
