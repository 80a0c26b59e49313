"""The last levels of a patient as a small line, drawn into the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from severity.domain import Scale

WIDTH, HEIGHT = 96, 26  # pixels, as the next
_ROOM = 3


@dataclass(frozen=True)
class Sparkline:
    """A line as SVG writes it, and the place of its last level, in pixels."""

    points: str
    last_x: float
    last_y: float


def sparkline(levels: Sequence[tuple[datetime, float]], scale: Scale) -> Sparkline | None:
    """Return the line of levels over time, the whole scale high; None without a level.

    Times are to scale, from the first level at the left to the last one at the right.
    """
    if not levels:
        return None
    first, last = levels[0][0], levels[-1][0]
    span = (last - first).total_seconds()
    places = [
        (
            _ROOM + (WIDTH - 2 * _ROOM) * ((at - first).total_seconds() / span if span else 1.0),
            _ROOM + (HEIGHT - 2 * _ROOM) * (1 - _share(level, scale)),
        )
        for at, level in levels
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Sparkline(points, round(places[-1][0], 1), round(places[-1][1], 1))


def _share(level: float, scale: Scale) -> float:
    """Return where a level lies on its scale, from 0 to 1."""
    return (scale.clip(level) - scale.lowest) / (scale.highest - scale.lowest)
