"""A patient's course as a picture: level and band in front, images as dots behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from db.reading.courses import Course
from flows.reports.courses.axis import Segment, TimeAxis, gap_text, seams, segments, ticks
from flows.reports.courses.events import EventMark, draw_events, event_marks
from flows.reports.courses.lanes import text_width
from flows.reports.courses.panel import Panel, draw_panel, draw_verdicts, view_changes
from flows.reports.courses.style import (
    BAND,
    FAINT,
    FLAGGED,
    LEVEL,
    QUIET,
    SIZE,
    VERDICT_MARKS,
    VIEW_MARKS,
)
from flows.reports.courses.text import when
from flows.reports.courses.words import (
    band_text,
    chart_notes,
    is_told_from_before,
    latest,
    verdict_text,
    version_text,
)
from flows.reports.score_text import scale_text
from severity.domain import RESEARCH_USE_ONLY, Verdict

_POINTS = 72  # an inch
# Inches.
_WIDTH, _LEFT, _RIGHT = 9.0, 0.7, 0.35
_TITLE, _LANE, _VERDICTS, _TICKS, _LEGEND_ROW, _NOTE = 0.5, 0.21, 0.2, 0.62, 0.2, 0.15
_PANEL_TITLE, _EXTENT, _OPACITY = 0.3, 2.5, 1.6
_SPAN = _WIDTH - _LEFT - _RIGHT
_TICK_INCHES = 0.62  # room for the label of a tick
_NOTE_CHARACTERS = 140
_LEGEND_COLUMNS = 5
_OF_NOBODY = "Course of severity on chest radiographs"
_VIEW_SIZE, _VIEW_GAP = 6.5, 4.0  # points of 1/72 inch
_ROOM = 0.025  # at either end of the time axis, as a share of it


@dataclass(frozen=True)
class Frame:
    """A figure that is filled from its top, and the range of its time axis in days."""

    figure: Figure
    left: float
    right: float

    def axes(self, top: float, height: float) -> Axes:
        """Return axes over the whole width, their upper end ``top`` inches down."""
        full = self.figure.get_figheight()
        axes = self.figure.add_axes(
            (_LEFT / _WIDTH, self.from_top(top + height), _SPAN / _WIDTH, height / full)
        )
        axes.patch.set_visible(False)
        axes.set_xlim(self.left, self.right)
        axes.set_xticks([])
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        return axes

    def from_top(self, inches: float) -> float:
        """Return a place ``inches`` down from the upper end, as a share of the figure."""
        return 1 - inches / float(self.figure.get_figheight())

    @property
    def points_a_day(self) -> float:
        """How wide a day is drawn, in points of 1/72 inch."""
        return _SPAN * _POINTS / (self.right - self.left)


def draw_course(course: Course, path: Path, *, axis: TimeAxis = TimeAxis.CALENDAR) -> None:
    """Draw a course's scores, verdicts and events over time, and save them in the path's format.

    Without levels, the images' scores alone are drawn.

    Raises
    ------
    ValueError
        The path's ending is no picture format, or there is no image.
    OSError
        The file cannot be written.
    """
    course_figure(course, axis=axis).savefig(path, dpi=150)


def course_figure(course: Course, *, axis: TimeAxis = TimeAxis.CALENDAR) -> Figure:
    """Return the picture of a course; without a patient's key it names nobody.

    Raises
    ------
    ValueError
        There is no image.
    """
    shown = segments(course)
    if not shown:
        raise ValueError("there is no image to draw")
    left, right = _limits(shown)
    points_a_day = _SPAN * _POINTS / (right - left)
    marks = event_marks(course.events, shown, points_a_day=points_a_day, right=right)
    notes = [line for note in chart_notes(course) for line in wrap(note, _NOTE_CHARACTERS)]
    legend = _legend(course)
    strip = _LANE * (1 + max((mark.lane for mark in marks), default=-1))
    top = _TITLE + strip
    panels = 2 * (_PANEL_TITLE + _VERDICTS) + _EXTENT + _OPACITY
    foot = _TICKS + _legend_height(legend) + _NOTE * (len(notes) + 1)
    frame = Frame(Figure(figsize=(_WIDTH, top + panels + foot)), left, right)
    _write_title(frame, course)
    if marks:
        draw_events(frame.axes(_TITLE, strip), marks)
    lowest = _draw_scores(frame, course, shown, top)
    _mark_starts(frame, marks)
    _draw_ticks(lowest, shown, axis)
    _write_foot(frame, legend, notes, top + panels + _TICKS)
    return frame.figure


def _write_foot(frame: Frame, legend: list[Artist], notes: list[str], top: float) -> None:
    """Write the legend and the notes, from ``top`` inches down."""
    left = _LEFT / _WIDTH
    frame.figure.legend(
        handles=legend, loc="upper left", ncols=_LEGEND_COLUMNS, fontsize=7.5, frameon=False,
        bbox_to_anchor=(left, frame.from_top(top)), borderpad=0, handlelength=1.6,
        columnspacing=1.6,
    )  # fmt: skip
    frame.figure.text(
        left, frame.from_top(top + _legend_height(legend)), "\n".join(notes),
        size=7, color="0.35", linespacing=1.35, va="top",
    )  # fmt: skip


def _legend_height(legend: Sequence[Artist]) -> float:
    return _LEGEND_ROW * (-(-len(legend) // _LEGEND_COLUMNS) + 0.6)


def _limits(shown: Sequence[Segment]) -> tuple[float, float]:
    """Return the ends of the time axis, with room for marks at either end."""
    right = shown[-1].left + shown[-1].width
    room = _ROOM * right or 1.0
    return -room, right + room


def _write_title(frame: Frame, course: Course) -> None:
    write, left = frame.figure.text, _LEFT / _WIDTH
    write(
        left,
        frame.from_top(0.12),
        f"Patient {course.patient_key}" if course.patient_key else _OF_NOBODY,
        size=10,
        weight="bold",
        va="top",
    )
    write(left, frame.from_top(0.3), version_text(course), size=7.5, color=QUIET, va="top")
    write(
        1 - _RIGHT / _WIDTH, frame.from_top(0.12), RESEARCH_USE_ONLY.upper(), size=8, weight="bold",
        ha="right", va="top",
    )  # fmt: skip


def _draw_scores(frame: Frame, course: Course, shown: Sequence[Segment], top: float) -> Axes:
    """Draw both scores below each other; return the lowest axes."""
    for score, height in (("geographic_extent", _EXTENT), ("opacity", _OPACITY)):
        axes = frame.axes(top + _PANEL_TITLE, height)
        panel = Panel(axes, course, score, frame.points_a_day, height * _POINTS)
        draw_panel(panel, shown)
        axes.set_title(_panel_title(panel), loc="left", fontsize=8.5, pad=5)
        _draw_episodes(panel, shown)
        _draw_seams(panel, shown)
        if score == "geographic_extent":
            _name_views(panel, shown)
        axes = frame.axes(top + _PANEL_TITLE + height, _VERDICTS)
        draw_verdicts(Panel(axes, course, score, frame.points_a_day, 0), shown)
        top += _PANEL_TITLE + height + _VERDICTS
    return axes


def _draw_episodes(panel: Panel, shown: Sequence[Segment]) -> None:
    """Draw a line below each episode, and state how long the time between two is."""
    bottom = panel.axes.get_ylim()[0]
    for segment in shown:
        panel.axes.plot(
            [segment.left, segment.left + segment.width], [bottom] * 2, color="0.2", linewidth=0.8,
            clip_on=False,
        )  # fmt: skip
    for before, after in pairwise(shown):
        middle = (before.left + before.width + after.left) / 2
        panel.axes.annotate(
            gap_text(before, after), (middle, 0.5), xycoords=("data", "axes fraction"), rotation=90,
            fontsize=6.5, color=QUIET, ha="center", va="center",
        )  # fmt: skip


def _draw_seams(panel: Panel, shown: Sequence[Segment]) -> None:
    """Draw a line where another model version begins to score, and say so."""
    for place in seams(shown):
        panel.axes.axvline(place, color=FLAGGED, linewidth=1.1, linestyle=(0, (2, 2)), zorder=1.5)
        panel.axes.annotate(
            "bridged", (place, 1), xycoords=("data", "axes fraction"), xytext=(2, -7),
            textcoords="offset points", fontsize=6.5, color=FLAGGED, ha="left",
        )  # fmt: skip


def _panel_title(panel: Panel) -> str:
    name = scale_text(panel.score.replace("_", " ").capitalize(), panel.scale)
    last = latest(panel.course.images)
    if last is None:
        return f"{name} points; more is worse"
    assessment = panel.assessment(last)
    if is_told_from_before(panel.course.images):
        name += f" at the last image that counts, {when(last)}"
    return f"{name}: {verdict_text(assessment)}; level {band_text(assessment.level)}"


def _name_views(panel: Panel, shown: Sequence[Segment]) -> None:
    """Name the views where they begin and change, as far as there is room."""
    free, right = float("-inf"), panel.axes.get_xlim()[1] * panel.points_a_day
    for place, name in view_changes(shown):
        width = text_width(name, _VIEW_SIZE)
        at = min(place * panel.points_a_day, right - width)
        if at < free:
            continue
        panel.axes.annotate(
            name, (at / panel.points_a_day, 0), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", fontsize=_VIEW_SIZE, color=QUIET, ha="left",
        )  # fmt: skip
        free = at + width + _VIEW_GAP


def _mark_starts(frame: Frame, marks: Sequence[EventMark]) -> None:
    """Draw a thin line through the panels where a treatment starts."""
    for axes in frame.figure.axes:
        if axes.axison:
            for mark in marks:
                axes.axvline(mark.start, color="0.6", linewidth=0.7, linestyle=":", zorder=0.8)


def _draw_ticks(axes: Axes, shown: Sequence[Segment], axis: TimeAxis) -> None:
    """Label the time axis, each episode apart."""
    axes.spines["bottom"].set_visible(False)
    a_day = _SPAN / (axes.get_xlim()[1] - axes.get_xlim()[0])
    places: list[float] = []
    labels: list[str] = []
    for segment in shown:
        most = max(int(segment.width * a_day / _TICK_INCHES), 1)
        for place, label in ticks(segment, axis, most):
            places.append(place)
            labels.append(label)
    axes.set_xticks(places, labels, fontsize=7.5)
    axes.set_xlabel(_axis_name(shown, axis), fontsize=8)


def _axis_name(shown: Sequence[Segment], axis: TimeAxis) -> str:
    if axis is TimeAxis.CALENDAR and all(segment.calendar_known for segment in shown):
        return "date"
    return "days since the baseline" + (" of each episode" if len(shown) > 1 else "")


def _legend(course: Course) -> list[Artist]:
    """Return an entry for each kind of mark that the chart shows."""
    has_levels = latest(course.images) is not None
    entries: list[Artist] = [*_level_entries()] if has_levels else []
    eligible = [image for image in course.images if image.out_of_distribution is None]
    entries += [
        _entry(f"image, {view}", marker, "0.72", QUIET)
        for view, marker in VIEW_MARKS.items()
        if any(image.view is view for image in eligible)
    ]
    if len(eligible) < len(course.images):
        entries.append(_entry("out of distribution, not used", "x", FLAGGED, FLAGGED))
    if any(image.scored_by for image in eligible):
        entries.append(_entry("converted from the former version", "o", "white", QUIET))
    said = {image.geographic_extent.verdict for image in course.images}
    said |= {image.opacity.verdict for image in course.images}
    return entries + [
        _entry(verdict.value, *VERDICT_MARKS[verdict]) for verdict in Verdict if verdict in said
    ]


def _level_entries() -> list[Artist]:
    return [
        Line2D([], [], color=LEVEL, linewidth=2.2, label="level, from all images"),
        Patch(facecolor=BAND, edgecolor=LEVEL, linewidth=0.5, alpha=0.6, label="its 90% band"),
        Patch(facecolor=FAINT, label="within the margin of the baseline"),
    ]


def _entry(label: str, marker: str, face: str, edge: str) -> Artist:
    return Line2D(
        [], [], marker=marker, markersize=SIZE, markerfacecolor=face, markeredgecolor=edge,
        linestyle="none", label=label,
    )  # fmt: skip
