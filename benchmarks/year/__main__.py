"""Run a site for a year under a moved clock: ``python -m benchmarks.year``; docs/benchmarks.md.

It ends with exit code 1 if a film was lost, was scored twice, or is not accounted for.
"""

import argparse
import csv
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.jobs import BenchmarkError
from benchmarks.year.accounts import accounts, is_whole
from benchmarks.year.nights import Nights, Plan
from benchmarks.year.site import Site
from db.errors import DatabaseError

_TOLD = 10  # nights from one line of progress to the next


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _options(arguments)
    console = Console(highlight=False)
    with ExitStack() as stack:
        folder = options.folder or Path(
            stack.enter_context(TemporaryDirectory(prefix="severity-year-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return _simulated(options, folder, console)
        except (BenchmarkError, DatabaseError) as error:
            console.print(f"Error: {error}", markup=False)
            return 1


def _simulated(options: argparse.Namespace, folder: Path, console: Console) -> int:
    table = _Table(options.csv or folder / "year.csv")
    plan = Plan(**{part.name: getattr(options, part.name) for part in fields(Plan)})
    chance, model = Random(table.nights), plan.model_after(table.nights)  # noqa: S311 - no secret
    with _running(Site(folder, chance, model)) as site:
        nights = Nights(site, plan, _began(site))
        for night in range(table.nights, plan.nights):
            began = time.perf_counter()
            row = nights.night(night)
            table.add(row | {"seconds": time.perf_counter() - began})
            if night % _TOLD == 0 or night == plan.nights - 1:
                console.print(f"night {night}: {row['events'] or 'nothing happened'}")
        counts = accounts(site, nights.arrived)
    for name, count in counts.items():
        console.print(f"{count:>8}  {name}")
    return int(not is_whole(counts))


@contextmanager
def _running(site: Site) -> Iterator[Site]:
    try:
        site.start()
        yield site
    finally:
        site.stop()


def _began(site: Site) -> datetime:
    """Return the midnight at which the year began: kept, so that a later call goes on from it."""
    file = site.folder / "began"
    if not file.exists():
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        file.write_text((midnight + timedelta(days=1, hours=2)).isoformat())
    return datetime.fromisoformat(file.read_text())


class _Table:
    """The file of what was measured, a row a night; nights that it has are not done again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.nights = 0
        if file.exists():
            with file.open(newline="") as rows:
                self.nights = sum(1 for _ in csv.DictReader(rows))

    def add(self, row: dict[str, object]) -> None:
        is_new = not self._file.exists()
        with self._file.open("a", newline="") as rows:
            writer = csv.DictWriter(rows, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year", description=__doc__)
    for name, default, meaning in (
        ("--nights", 365, "nights, each with one pass that scores"),
        ("--polls", 288, "passes of a day that find nothing"),
        ("--films", 8, "films that arrive before a night"),
        ("--patients", 300, "patients whom they are of"),
        ("--failures-every", 5, "nights from one failure to the next; 0: none"),
        ("--commands-every", 7, "nights from one pass by the command `run` to the next"),
    ):
        parser.add_argument(name, type=int, default=default, help=f"{meaning} ({default})")
    parser.add_argument(
        "--folder", type=Path, help="a folder that is kept: the same again goes on where it ended"
    )
    parser.add_argument("--csv", type=Path, help="where a row is written after each night")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
