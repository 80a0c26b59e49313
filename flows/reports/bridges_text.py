"""Bridges between model versions as text."""

from collections.abc import Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from db.reading.bridges import StoredBridge
from severity.bridging.bridge import Bridge, ScoreBridge
from severity.domain import Interval


def bridge_table(bridge: Bridge) -> RenderableType:
    """Return a table of the line of either score, with 95 % intervals, and what it rests on."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("", "intercept", "slope", "between patients", "between films", "correlation"):
        table.add_column(name)
    table.add_row("extent", *_cells(bridge.geographic_extent))
    table.add_row("opacity", *_cells(bridge.opacity))
    table.caption = (
        f"current = intercept + slope x former, with 95 % intervals; from {bridge.films} films of "
        f"{bridge.patients} patients, without {bridge.flagged} that are out of distribution"
    )
    return table


def bridges_table(bridges: Sequence[StoredBridge]) -> RenderableType:
    """Return a table of the bridges that are kept, one in a row."""
    if not bridges:
        return Text("No bridge was learned here: see `courses bridge --help`.")
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("id", "learned", "from", "to", "patients", "films"):
        table.add_column(name, overflow="fold")
    for bridge in bridges:
        table.add_row(
            str(bridge.id),
            f"{bridge.learned_at:%Y-%m-%d %H:%M}",
            bridge.former_version,
            bridge.current_version,
            str(bridge.patients),
            str(bridge.films),
        )
    return table


def _cells(bridge: ScoreBridge) -> tuple[str, ...]:
    return (
        _with_interval(bridge.line.intercept, bridge.intercept_interval()),
        _with_interval(bridge.line.slope, bridge.slope_interval()),
        f"{bridge.between:.2f}",
        f"{bridge.within:.2f}",
        f"{bridge.correlation:.3f}",
    )


def _with_interval(value: float, interval: Interval) -> str:
    return f"{value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
