"""A patient's trend as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from db.trends import Observation, Trend
from flows.present import scale_text, trend_notes
from severity.domain import Scale

_EXTENT, _OPACITY = "#b2182b", "#2166ac"


def draw_trend(trend: Trend, path: Path) -> None:
    """Draw both scores over the days since the first film, and save as the path's ending says.

    Raises
    ------
    ValueError
        The ending names no picture format.
    OSError
        The file cannot be written.
    """
    figure = Figure(figsize=(8, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for course in _courses(trend.observations):
        days = [seen.days_since_baseline for seen in course]
        _draw(above, days, [seen.geographic_extent for seen in course], colour=_EXTENT)
        _draw(below, days, [seen.opacity for seen in course], colour=_OPACITY)
        _mark_views(above, course)
    _label(above, "geographic extent", trend.geographic_extent)
    _label(below, "opacity", trend.opacity)
    below.set_xlabel(_days_label(trend.observations))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(f"Patient {trend.patient_key}    {trend.model_version}", fontsize=10)
    figure.supxlabel("\n".join(trend_notes(trend)), fontsize=7, color="0.35")
    figure.savefig(path, dpi=150)


def _courses(observations: Sequence[Observation]) -> list[list[Observation]]:
    """Split films with dates from films with day numbers alone: their days differ in origin."""
    return [
        course
        for known in (True, False)
        if (course := [seen for seen in observations if seen.calendar_known is known])
    ]


def _draw(axes: Axes, days: list[float], points: list[float], *, colour: str) -> None:
    axes.plot(days, points, color=colour, marker="o", markersize=5, linewidth=1.5)
    for day, value in zip(days, points, strict=True):
        axes.annotate(
            f"{value:.1f}", (day, value), xytext=(0, 7), textcoords="offset points",
            ha="center", fontsize=8, color=colour,
        )  # fmt: skip


def _mark_views(axes: Axes, course: Sequence[Observation]) -> None:
    """Name the view where it begins and where it changes."""
    for index, seen in enumerate(course):
        if index == 0 or seen.view_changed:
            axes.annotate(
                seen.view, (seen.days_since_baseline, axes.get_ylim()[0]), xytext=(0, 3),
                textcoords="offset points", fontsize=7, color="0.45", ha="center",
            )  # fmt: skip


def _label(axes: Axes, name: str, scale: Scale) -> None:
    axes.set_ylabel(f"{scale_text(name, scale)} points")
    room = 0.12 * (scale.highest - scale.lowest)
    axes.set_ylim(scale.lowest, scale.highest + room)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[2, 5, 10]))
    axes.grid(visible=True, axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def _days_label(observations: Sequence[Observation]) -> str:
    first = observations[0]
    since = f" ({first.acquired_at:%Y-%m-%d})" if first.calendar_known else ""
    return f"days since the first film{since}; higher is worse"
