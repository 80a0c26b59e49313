"""Figures beside their targets, and the percentiles of times."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured value, with its target, if it has one, and what it was before this ledger.

    ``at_least`` means that more is better: of a rate.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    before: float | None = None
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        """The value over its target."""
        return None if self.target is None else self.value / self.target

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.ratio is None:
            return None
        return self.ratio >= 1 if self.at_least else self.ratio <= 1


class Stopwatch:
    """Collects the milliseconds that something takes, each time."""

    def __init__(self) -> None:
        self.times_ms: list[float] = []

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Time a block."""
        began = time.perf_counter()
        yield
        self.times_ms.append(1000 * (time.perf_counter() - began))


def timed(times: int, function: Callable[[int], object]) -> list[float]:
    """Call a function with 0, 1, ... and return the milliseconds of each call."""
    watch = Stopwatch()
    for number in range(times):
        with watch.timing():
            function(number)
    return watch.times_ms


def percentiles(
    name: str,
    times_ms: Sequence[float],
    *,
    target: float | None = None,
    before: float | None = None,
) -> list[Figure]:
    """Return the median and the 99th percentile of times; target and before are of the latter."""
    return [
        Figure(f"{name}, p50", percentile(times_ms, 50), "ms"),
        Figure(f"{name}, p99", percentile(times_ms, 99), "ms", target, before),
    ]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that this percentage of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def show(title: str, figures: Sequence[Figure], console: Console) -> None:
    """Print figures as a table."""
    table = Table("what", "value", "target", "value / target", "before", box=box.SIMPLE_HEAD)
    for figure in figures:
        table.add_row(
            figure.name,
            f"{_number(figure.value)} {figure.unit}",
            _target(figure),
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            "" if figure.before is None else _number(figure.before),
        )
    console.print(title)
    console.print(table)


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    sign = ">=" if figure.at_least else "<="
    return f"{sign} {_number(figure.target)}, {'met' if figure.is_met else 'MISSED'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - digits


def to_json(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """Return figures as values for JSON."""
    return [asdict(figure) | {"ratio": figure.ratio, "is_met": figure.is_met} for figure in figures]
