"""The part of a chart that shows one score: images as dots, then level and band, then verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from db.reading.courses import Assessment, Course, CourseImage
from flows.reports.courses.axis import Segment
from flows.reports.courses.curve import level_curve
from flows.reports.courses.lanes import side_by_side
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
from severity.domain import Scale

_ROOM = 0.05  # beyond either end of the scale, as a share of it
_NEAREST_VERDICTS = 6.0  # points of 1/72 inch; of nearer ones the later is shown
_ALONE = 5.0  # points of 1/72 inch, either side of a level without a line


@dataclass(frozen=True)
class Panel:
    """One score's axes, with what turns its units into points of 1/72 inch."""

    axes: Axes
    course: Course
    score: str
    points_a_day: float
    height: float

    @property
    def scale(self) -> Scale:
        """The score's scale."""
        scale: Scale = getattr(self.course, self.score)
        return scale

    @property
    def margin(self) -> float | None:
        """How many points of the score matter."""
        margin: float | None = getattr(self.course.margins, self.score)
        return margin

    def assessment(self, image: CourseImage) -> Assessment:
        """Return what an image says of this panel's score."""
        assessed: Assessment = getattr(image, self.score)
        return assessed


def draw_panel(panel: Panel, shown: Sequence[Segment]) -> None:
    """Draw one score of all episodes that are shown."""
    room = _ROOM * (panel.scale.highest - panel.scale.lowest)
    panel.axes.set_ylim(panel.scale.lowest - room, panel.scale.highest + room)
    panel.axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[2, 4, 10], nbins=5))
    panel.axes.tick_params(axis="y", labelsize=8)
    panel.axes.grid(visible=True, axis="y", color="0.92", linewidth=0.7)
    panel.axes.set_axisbelow(True)
    for segment in shown:
        _draw_baseline(panel, segment)
        _draw_images(panel, segment)
        _draw_level(panel, segment)


def _draw_baseline(panel: Panel, segment: Segment) -> None:
    """Draw the baseline's level, in a pale strip of what lies within the margin of it."""
    baseline = next((image for image in segment.images if image.is_baseline), None)
    band = panel.assessment(baseline).smoothed if baseline else None
    if baseline is None or band is None or panel.margin is None:
        return
    from_here = [segment.x(baseline.at), segment.x(segment.images[-1].at)]
    low = max(band.level - panel.margin, panel.scale.lowest)
    high = min(band.level + panel.margin, panel.scale.highest)
    panel.axes.fill_between(from_here, low, high, color=FAINT, linewidth=0, zorder=0.5)
    panel.axes.plot(
        from_here, [band.level] * 2, color="0.6", linewidth=0.8, linestyle=(0, (6, 3)), zorder=1
    )


def _draw_images(panel: Panel, segment: Segment) -> None:
    """Draw the images' own scores: a shape for each view, a cross where out of distribution."""
    points_a_point = panel.height / (panel.axes.get_ylim()[1] - panel.axes.get_ylim()[0])
    places = [
        (segment.x(image.at) * panel.points_a_day, panel.assessment(image).points * points_a_point)
        for image in segment.images
    ]
    for image, (x, _), move in zip(
        segment.images, places, side_by_side(places, SIZE + 0.5), strict=True
    ):
        is_flagged = image.out_of_distribution is not None
        panel.axes.plot(
            [(x + move) / panel.points_a_day], [panel.assessment(image).points],
            marker="x" if is_flagged else VIEW_MARKS[image.view],
            color=FLAGGED if is_flagged else QUIET, markersize=SIZE,
            markerfacecolor="white" if image.scored_by else "0.72", markeredgewidth=1.0,
            linestyle="none", zorder=2, clip_on=False,
        )  # fmt: skip


def _draw_level(panel: Panel, segment: Segment) -> None:
    """Draw the level from all images with its band: one vertex for each time."""
    curve = level_curve(panel.course, segment.images, panel.score)
    by_time = {segment.x(moment.at): moment.band for moment in curve}
    if not by_time:
        return
    days, bands = list(by_time), list(by_time.values())
    if len(bands) == 1:
        half = _ALONE / panel.points_a_day
        days, bands = [days[0] - half, days[0] + half], bands * 2
    lows, highs = [band.low for band in bands], [band.high for band in bands]
    panel.axes.fill_between(days, lows, highs, color=BAND, alpha=0.55, linewidth=0, zorder=3)
    for edge in (lows, highs):
        panel.axes.plot(days, edge, color=LEVEL, linewidth=0.5, zorder=3)
    levels = [band.level for band in bands]
    panel.axes.plot(days, levels, color=LEVEL, linewidth=2.2, zorder=4, solid_capstyle="round")


def draw_verdicts(panel: Panel, shown: Sequence[Segment]) -> None:
    """Draw the verdicts into a strip; of those that would overlap, the last one."""
    panel.axes.set_ylim(-1, 1)
    panel.axes.set_yticks([0], ["verdict"], fontsize=7, color=QUIET)
    panel.axes.tick_params(axis="y", length=0)
    panel.axes.spines[["left", "bottom"]].set_visible(False)
    nearest = float("inf")
    for day, image in reversed([(s.x(image.at), image) for s in shown for image in s.images]):
        verdict = panel.assessment(image).verdict
        if verdict is None or nearest - day * panel.points_a_day < _NEAREST_VERDICTS:
            continue
        nearest = day * panel.points_a_day
        marker, face, edge = VERDICT_MARKS[verdict]
        panel.axes.plot(
            [day], [0], marker=marker, markersize=SIZE, color=face, markeredgecolor=edge,
            markeredgewidth=1.1, linestyle="none", clip_on=False,
        )  # fmt: skip


def view_changes(shown: Sequence[Segment]) -> list[tuple[float, str]]:
    """Return where views begin and change, as places on the axis and names."""
    changes = []
    for segment in shown:
        eligible = [image for image in segment.images if image.out_of_distribution is None]
        for view, images in groupby(eligible, key=lambda image: image.view):
            changes.append((segment.x(next(images).at), view.value))
    return changes
