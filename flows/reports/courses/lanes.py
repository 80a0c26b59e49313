"""Where marks and labels of a chart go, so that none lies on another."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.textpath import TextPath


@dataclass(frozen=True)
class Extent:
    """A stretch of a line, from ``left`` to ``right``, in points of 1/72 inch."""

    left: float
    right: float


def lanes(stretches: Sequence[Extent], *, gap: float) -> list[int]:
    """Return a lane for each stretch, the first one in which it overlaps no other.

    The first stretches get the first lanes, so they are best sorted by their left ends.
    """
    ends: list[float] = []
    chosen = []
    for stretch in stretches:
        free = (lane for lane, end in enumerate(ends) if end + gap <= stretch.left)
        lane = next(free, len(ends))
        ends[lane : lane + 1] = [stretch.right]
        chosen.append(lane)
    return chosen


def side_by_side(places: Sequence[tuple[float, float]], size: float) -> list[float]:
    """Return how far each mark moves sideways, so that marks of this size do not overlap.

    Marks that overlap no other stay where they are; the next ones go to the right, to the left,
    and so on.
    """
    placed: list[tuple[float, float]] = []
    moves = []
    for x, y in places:
        move = next(
            move for move in _moves(size, len(placed)) if _is_free(placed, x + move, y, size)
        )
        placed.append((x + move, y))
        moves.append(move)
    return moves


def _moves(size: float, most: int) -> list[float]:
    return [0.0] + [side * step * size for step in range(1, most + 2) for side in (1, -1)]


def _is_free(placed: Sequence[tuple[float, float]], x: float, y: float, size: float) -> bool:
    nearest = size * (1 - 1e-9)
    return all(abs(x - other) >= nearest or abs(y - high) >= nearest for other, high in placed)


def text_width(words: str, size: float) -> float:
    """Return how wide a text is, in points of 1/72 inch."""
    return float(TextPath((0, 0), words, size=size).get_extents().width) if words.strip() else 0.0
