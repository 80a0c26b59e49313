"""Small charts of lines, bands and bars, drawn into the page: they need no script, and print."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import NamedTuple

WIDTH, HEIGHT = 360, 200  # units of the drawing, as the next: those of a phone's pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 10, 24
_STEPS = (1, 2, 2.5, 5, 10)


class Point(NamedTuple):
    """A value at a place; ``value`` may be NaN: there the line is interrupted."""

    x: float
    value: float
    words: str = ""


@dataclass(frozen=True)
class Line:
    """Values in order, with an optional band of equally many lower and upper values.

    ``style`` is a number: the colour and the dashes of a line follow from it.
    """

    name: str
    points: Sequence[Point]
    band: Sequence[tuple[float, float]] = ()
    style: int = 0


@dataclass(frozen=True)
class Tick:
    """A place on an axis, and what is written there."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A point as it is drawn, with the words that a pointer shows."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class DrawnLine:
    """A line as SVG writes it: stretches without a gap, the band's outline and the points."""

    name: str
    style: int
    stretches: tuple[str, ...]
    band: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Bar:
    """A rectangle from the zero line up, with the words that a pointer shows."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Chart:
    """A drawing: lines or bars, their axes, and what it shows in a sentence."""

    label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[DrawnLine, ...] = ()
    bars: tuple[Bar, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    floor: int = HEIGHT - _BOTTOM


@dataclass(frozen=True)
class _Axis:
    """How values become places: linear, ``low`` at ``start`` and ``high`` at ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + (self.end - self.start) * share, 1)


def line_chart(
    label: str,
    lines: Sequence[Line],
    *,
    y_range: tuple[float, float],
    x_texts: Sequence[tuple[float, str]] = (),
) -> Chart:
    """Draw lines over a common axis.

    Parameters
    ----------
    label
        What is shown, for who does not see it.
    y_range
        The lowest and the highest value of the axis.
    x_texts
        What is written at which places below; numbers at even steps if absent.
    """
    places = [point.x for line in lines for point in line.points] or [0.0]
    x = _Axis(min(places), max(places), _LEFT, WIDTH - _RIGHT)
    y = _Axis(*y_range, HEIGHT - _BOTTOM, _TOP)
    ticks = x_texts or [(value, f"{value:g}") for value in _even(x.low, x.high, most=7)]
    return Chart(
        label,
        tuple(Tick(x(value), text) for value, text in ticks),
        tuple(Tick(y(value), f"{value:g}") for value in _even(*y_range, most=5)),
        tuple(_drawn(line, x, y) for line in lines),
    )


def bar_chart(label: str, bars: Sequence[tuple[str, float, str]]) -> Chart:
    """Draw bars beside each other: the text below each, its value, the words that it shows."""
    highest = max((value for _, value, _ in bars), default=0) or 1
    y = _Axis(0, highest, HEIGHT - _BOTTOM, _TOP)
    room = (WIDTH - _LEFT - _RIGHT) / max(len(bars), 1)
    drawn = [
        Bar(
            round(_LEFT + room * (place + 0.12), 1),
            y(value),
            round(room * 0.76, 1),
            round(y(0) - y(value), 1),
            words,
        )
        for place, (_, value, words) in enumerate(bars)
    ]
    every = max(1, -(-len(bars) // 7))
    ticks = [
        Tick(round(_LEFT + room * (place + 0.5), 1), text)
        for place, (text, _, _) in enumerate(bars)
        if place % every == 0
    ]
    y_ticks = [Tick(y(value), f"{value:,g}") for value in _even(0, highest, most=4)]
    return Chart(label, tuple(ticks), tuple(y_ticks), bars=tuple(drawn))


def _drawn(line: Line, x: _Axis, y: _Axis) -> DrawnLine:
    stretches: list[list[str]] = [[]]
    for point in line.points:
        if isfinite(point.value):
            stretches[-1].append(f"{x(point.x)},{y(point.value)}")
        elif stretches[-1]:
            stretches.append([])
    upper = [
        f"{x(point.x)},{y(high)}" for point, (_, high) in zip(line.points, line.band, strict=False)
    ]
    lower = [
        f"{x(point.x)},{y(low)}" for point, (low, _) in zip(line.points, line.band, strict=False)
    ]
    marks = [
        Mark(x(point.x), y(point.value), point.words)
        for point in line.points
        if point.words and isfinite(point.value)
    ]
    return DrawnLine(
        line.name,
        line.style,
        tuple(" ".join(stretch) for stretch in stretches if stretch),
        " ".join([*upper, *reversed(lower)]),
        tuple(marks),
    )


def _even(low: float, high: float, *, most: int) -> list[float]:
    """Return even numbers from low to high, at most so many."""
    span = high - low
    if span <= 0:
        return [low]
    rough = span / most
    power = 10.0 ** floor(log10(rough))
    step = next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))
    first = -(-low // step)
    count = int((high - first * step) / step + 1e-9) + 1
    return [round(step * (first + number), 6) for number in range(count)]
