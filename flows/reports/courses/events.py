"""A patient's treatments above a chart: marks and bars with labels, in lanes where they overlap."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import shorten

from matplotlib.axes import Axes

from db.reading.courses import Event
from flows.literal_text import literal
from flows.reports.courses.axis import Segment
from flows.reports.courses.lanes import Extent, lanes, text_width
from flows.reports.courses.style import TREATMENT, TREATMENT_EDGE

MOST_LANES = 12
_LABEL_SIZE = 7.5
_SHORTEST_BAR = 7.0  # points of 1/72 inch: what is shorter is a mark
_LONGEST_LABEL = 44  # characters
_BAR = 0.72  # of a lane
_HALF_MARK = 4.0  # points of 1/72 inch, as the next
_SPACE = 6.0  # between a mark and its label


@dataclass(frozen=True)
class EventMark:
    """Where an event is drawn: from ``start`` to ``end`` on the axis, in a lane from the top.

    A short one is a mark at its start. ``label_at`` is where its label begins; or ends, if
    ``is_left``, where the chart would else cut it off. ``is_cut`` states that it goes on beyond
    the axis.
    """

    label: str
    start: float
    end: float
    is_bar: bool
    is_cut: bool
    label_at: float
    is_left: bool
    lane: int = 0


def event_marks(
    events: Sequence[Event], shown: Sequence[Segment], *, points_a_day: float, right: float
) -> list[EventMark]:
    """Return the marks of the events that lie in the episodes that are shown, or beside them.

    Parameters
    ----------
    points_a_day
        How wide a day of the axis is drawn, in points of 1/72 inch.
    right
        The right end of the axis.
    """
    drafts = sorted(
        (
            _draft(event, segment, points_a_day, right)
            for segment in shown
            for event in events
            if segment.shows(event)
        ),
        key=lambda draft: draft[1].left,
    )
    chosen = lanes([stretch for _, stretch in drafts], gap=4)
    placed = (replace(mark, lane=lane) for (mark, _), lane in zip(drafts, chosen, strict=True))
    return [mark for mark in placed if mark.lane < MOST_LANES]


def _draft(
    event: Event, segment: Segment, points_a_day: float, right: float
) -> tuple[EventMark, Extent]:
    """Return an event's mark, and the stretch that it takes with its label, in points."""
    start, end = segment.x(event.starts_at), segment.x(event.ends_at or event.starts_at)
    label = literal(shorten(event.label, _LONGEST_LABEL, placeholder="..."))
    width = (text_width(label, _LABEL_SIZE) + _SPACE) / points_a_day
    is_bar = (end - start) * points_a_day >= _SHORTEST_BAR
    # Within the bar, if it fits there.
    label_at = end if is_bar and width > end - start else start
    is_left = label_at + width > right
    if is_left:
        label_at = start
    mark = EventMark(
        label, start, end, is_bar=is_bar, label_at=label_at, is_left=is_left,
        is_cut=event.ends_at is not None and segment.cuts(event.ends_at),
    )  # fmt: skip
    taken = (start - width, end) if is_left else (start, max(end, label_at + width))
    return mark, Extent(taken[0] * points_a_day - _HALF_MARK, taken[1] * points_a_day + _HALF_MARK)


def draw_events(axes: Axes, marks: Sequence[EventMark]) -> None:
    """Draw treatments into a strip of their own, the first lane at its top."""
    depth = 1 + max((mark.lane for mark in marks), default=0)
    axes.set_ylim(depth, 0)
    axes.axis("off")
    for mark in marks:
        middle = mark.lane + 0.5
        _draw_mark(axes, mark, middle)
        axes.annotate(
            mark.label, (mark.label_at, middle), xytext=(-_SPACE if mark.is_left else _SPACE, 0),
            textcoords="offset points", fontsize=_LABEL_SIZE, va="center_baseline",
            ha="right" if mark.is_left else "left", annotation_clip=False,
        )  # fmt: skip


def _draw_mark(axes: Axes, mark: EventMark, middle: float) -> None:
    """Draw a bar, with an arrow where it goes on beyond the axis; or a mark at the start."""
    if mark.is_bar:
        axes.barh(
            middle, mark.end - mark.start, left=mark.start, height=_BAR,
            color=TREATMENT, edgecolor=TREATMENT_EDGE, linewidth=0.6,
        )  # fmt: skip
    if mark.is_cut or not mark.is_bar:
        axes.plot(
            [mark.end if mark.is_cut else mark.start], [middle],
            marker=">" if mark.is_cut else "v", markersize=6, clip_on=False,
            color=TREATMENT, markeredgecolor=TREATMENT_EDGE, markeredgewidth=0.8,
        )  # fmt: skip
