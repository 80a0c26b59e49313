"""The chart of a year: sizes, memory and times by night, with what happened."""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

_MIB = 2**20
_DPI, _COLOURS = 110, 48
_LARGEST = 7  # tables that are drawn
_MARKED = ("restored", "model upgraded")

Rows = Sequence[Mapping[str, str]]


def read_rows(file: Path) -> Rows:
    """Read the nights that `python -m benchmarks.year` wrote."""
    with file.open(newline="") as rows:
        return list(csv.DictReader(rows))


def year_figure(rows: Rows) -> Figure:
    """Draw the nights of a year: stores, tables, memory, and times."""
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    stores, tables, memory, times = figure.subplots(2, 2, sharex=True).flat
    _draw(stores, rows, {"PostgreSQL, all tables": "PostgreSQL", "its write-ahead log": "WAL"})
    _draw(stores, rows, {"Prefect's database": "Prefect", "logs": "logs"}, line="--")
    stores.set(title="Stores", ylabel="MiB")
    largest = _largest_tables(rows)
    _draw(tables, rows, {name.removeprefix("table "): name for name in largest})
    tables.set(title=f"The {len(largest)} largest tables, indexes included", ylabel="MiB")
    processes = {
        "process of all passes": "memory passes",
        "Prefect's server": "memory Prefect",
        "PostgreSQL": "memory PostgreSQL",
    }
    _draw(memory, rows, processes)
    _draw(memory, rows, {"command `run`, peak": "memory run"}, line="")
    memory.set(title="Memory", ylabel="MiB", xlabel="night")
    seconds = {"`run`, from start to end": "run seconds", "`status`": "status seconds"}
    _draw(times, rows, seconds, unit=1, line="")
    _draw(times, rows, {"empty pass": "poll seconds"}, unit=1)
    times.set(title="Times", ylabel="seconds", xlabel="night", yscale="log")
    for axes in (stores, tables, memory, times):
        _mark(axes, rows)
        axes.legend(fontsize="small", frameon=False)
    for axes in (stores, tables, memory):
        axes.set_ylim(bottom=0)
    return figure


def _largest_tables(rows: Rows) -> list[str]:
    last = rows[-1]
    tables = [name for name in last if name.startswith("table ")]
    return sorted(tables, key=lambda name: -float(last[name]))[:_LARGEST]


def _draw(
    axes: Axes,
    rows: Rows,
    columns: Mapping[str, str],
    *,
    unit: float = _MIB,
    line: str = "-",
) -> None:
    """Draw columns, by their labels, over the nights of their measurements; dots without a line."""
    for label, column in columns.items():
        measured = [(int(row["night"]), float(row[column]) / unit) for row in rows if row[column]]
        nights, values = zip(*measured, strict=True) if measured else ((), ())
        axes.plot(
            nights, values, linestyle=line, marker="" if line else ".", linewidth=1.2, label=label
        )


def _mark(axes: Axes, rows: Rows) -> None:
    """Mark the nights before which the database was restored or the model changed."""
    for row in rows:
        if any(event in row["events"] for event in _MARKED):
            axes.axvline(int(row["night"]), color="0.6", linewidth=0.8, linestyle=":")


def save(figure: Figure, path: Path) -> None:
    """Write a figure in few colours, so that the repository stays small."""
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI)
    with Image.open(picture) as drawn:
        drawn.convert("RGB").quantize(_COLOURS).save(path, optimize=True)


def main() -> int:
    """Draw the file of the first argument into that of the second."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year.chart", description=__doc__)
    parser.add_argument("csv", type=Path, help="what `python -m benchmarks.year` wrote")
    parser.add_argument("picture", type=Path, help="where the picture goes")
    options = parser.parse_args()
    save(year_figure(read_rows(options.csv)), options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
