"""A patient's trend as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from db.reading.trends import Observation, Trend
from flows.reports.score_text import scale_text
from flows.reports.trend_text import has_baseline, has_directions, trend_notes
from severity.domain import Interval, OutOfDistribution, Scale
from severity.vocabulary.times import local_date

_EXTENT, _OPACITY, _OUT_OF_DISTRIBUTION = "#b2182b", "#2166ac", "#b35806"
_SHADES = "Shaded: within the smallest detectable change of the baseline."


@dataclass(frozen=True)
class _Point:
    """One score of one image, and its colour."""

    day: float
    value: float
    interval: Interval | None
    out_of_distribution: OutOfDistribution | None
    colour: str


def draw_trend(trend: Trend, path: Path) -> None:
    """Draw both scores over the days since the baseline, and save them in the path's format.

    Raises
    ------
    ValueError
        The path's ending is no picture format.
    OSError
        The file cannot be written.
    """
    notes = [_SHADES, *trend_notes(trend)] if has_directions(trend) else trend_notes(trend)
    figure = Figure(figsize=(8, 5 + 0.13 * len(notes)), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    # Scales first: the names of views stand at their lower end.
    _label(above, "geographic extent", trend.geographic_extent)
    _label(below, "opacity", trend.opacity)
    for course in _courses(trend.observations):
        extent, opacity = (
            change if has_baseline(course) else None
            for change in (
                trend.extent_smallest_detectable_change,
                trend.opacity_smallest_detectable_change,
            )
        )
        _draw(above, _extents(course), smallest_change=extent)
        _draw(below, _opacities(course), smallest_change=opacity)
        _mark_views(above, course)
    below.set_xlabel(_days_label(trend.observations))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(f"Patient {trend.patient_key}    {trend.model_version}", fontsize=10)
    figure.supxlabel("\n".join(notes), fontsize=7, color="0.35")
    figure.savefig(path, dpi=150)


def _courses(observations: Sequence[Observation]) -> list[list[Observation]]:
    """Split images with dates from images with day numbers alone: their days differ in origin."""
    return [
        course
        for calendar_known in (True, False)
        if (course := [image for image in observations if image.calendar_known is calendar_known])
    ]


def _extents(course: Sequence[Observation]) -> list[_Point]:
    return [
        _Point(
            image.days_since_baseline,
            image.geographic_extent,
            image.extent_interval,
            image.out_of_distribution,
            _EXTENT,
        )
        for image in course
    ]


def _opacities(course: Sequence[Observation]) -> list[_Point]:
    return [
        _Point(
            image.days_since_baseline,
            image.opacity,
            image.opacity_interval,
            image.out_of_distribution,
            _OPACITY,
        )
        for image in course
    ]


def _draw(axes: Axes, points: Sequence[_Point], *, smallest_change: float | None) -> None:
    """Draw a course, and around its baseline what is within test-retest error.

    The line leaves out images that are out of distribution: their change means nothing.
    """
    compared = [point for point in points if not point.out_of_distribution]
    if compared and smallest_change is not None:
        baseline, days = compared[0].value, [compared[0].day, compared[-1].day]
        axes.fill_between(
            days, baseline - smallest_change, baseline + smallest_change, color="0.93", linewidth=0
        )
    axes.plot(
        [point.day for point in compared], [point.value for point in compared],
        color=points[0].colour, marker="o", markersize=5, linewidth=1.5,
    )  # fmt: skip
    for point in points:
        _mark(axes, point)


def _mark(axes: Axes, point: _Point) -> None:
    """Write an image's value, draw its interval, and mark it if it is out of distribution."""
    colour = _OUT_OF_DISTRIBUTION if point.out_of_distribution else point.colour
    if point.out_of_distribution:
        axes.plot([point.day], [point.value], color=colour, marker="x", linestyle="none")
    if point.interval:
        axes.vlines(
            point.day, point.interval.low, point.interval.high,
            color=colour, linewidth=4, alpha=0.25,
        )  # fmt: skip
    axes.annotate(
        f"{point.value:.1f}{' !' if point.out_of_distribution else ''}", (point.day, point.value),
        xytext=(5, 4), textcoords="offset points", fontsize=8, color=colour,
    )  # fmt: skip


def _mark_views(axes: Axes, course: Sequence[Observation]) -> None:
    """Name the view where it begins and where it changes."""
    for index, observation in enumerate(course):
        if index == 0 or observation.view_changed:
            axes.annotate(
                observation.view, (observation.days_since_baseline, axes.get_ylim()[0]),
                xytext=(0, 3), textcoords="offset points", fontsize=7, color="0.45", ha="center",
            )  # fmt: skip


def _label(axes: Axes, name: str, scale: Scale) -> None:
    axes.set_ylabel(f"{scale_text(name, scale)} points")
    room = 0.12 * (scale.highest - scale.lowest)
    axes.set_ylim(scale.lowest, scale.highest + room)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[2, 5, 10]))
    axes.grid(visible=True, axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def _days_label(observations: Sequence[Observation]) -> str:
    baseline = next(image for image in observations if image.days_since_baseline == 0)
    date = local_date(baseline.acquired_at, baseline.acquired_zone)
    since = f" ({date.isoformat()})" if baseline.calendar_known else ""
    image = "first image" if baseline is observations[0] else "first image that is not marked !"
    return f"days since the {image}{since}; higher is worse"
