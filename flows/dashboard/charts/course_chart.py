"""What a chart of a course draws, as plain values: places on the axis, curves, texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from db.reading.courses import Course, CourseImage
from flows.dashboard.films.film import Film
from flows.dashboard.texts import texts
from flows.reports.courses import TimeAxis
from flows.reports.courses.axis import Segment, gap_text, seams, segments, ticks
from flows.reports.courses.curve import level_curve
from severity.domain import Scale

SCORES = ("geographic_extent", "opacity")
_MOST_TICKS = 14  # of the whole axis; the browser leaves out those that have no room
_DIGITS = 3
_TIMES = 60  # of a curve, besides those of films: no bend is lost, and a page is made sooner


@dataclass(frozen=True)
class _Panel:
    """One score of a course over its episodes."""

    course: Course
    score: str
    shown: Sequence[Segment]

    @property
    def scale(self) -> Scale:
        scale: Scale = getattr(self.course, self.score)
        return scale


def chart(course: Course, films: Sequence[Film], axis: TimeAxis) -> dict[str, Any]:
    """Return what the chart of a course draws; x is in days on the axis, y in points.

    Episodes lie side by side, without the time between them, as in the chart of `trend`.
    """
    shown = segments(course)
    by_id = {film.image.image_id: film for film in films}
    return {
        "width": shown[-1].left + shown[-1].width if shown else 1,
        "scores": [_score(_Panel(course, score, shown)) for score in SCORES],
        "segments": [_segment(segment, axis, shown) for segment in shown],
        "gaps": [
            {
                "x": _rounded((before.left + before.width + after.left) / 2),
                "text": gap_text(before, after),
            }
            for before, after in pairwise(shown)
        ],
        "films": [
            _film(segment, by_id[image.image_id]) for segment in shown for image in segment.images
        ],
        "events": list(_events(course, shown)),
        "seams": [_rounded(place) for place in seams(shown)],
        "texts": vars(texts().chart),
    }


def _score(panel: _Panel) -> dict[str, Any]:
    return {
        "name": panel.score,
        "label": getattr(texts().scores, panel.score),
        "lowest": panel.scale.lowest,
        "highest": panel.scale.highest,
        "curves": [_curve(panel, segment) for segment in panel.shown],
        "baselines": [
            baseline for segment in panel.shown for baseline in _baseline(panel, segment)
        ],
    }


def _curve(panel: _Panel, segment: Segment) -> list[list[float]]:
    """Return place, level and the ends of its band, from the first film to the last."""
    return [
        [
            _rounded(segment.x(moment.at)),
            _rounded(moment.band.level),
            _rounded(moment.band.low),
            _rounded(moment.band.high),
        ]
        for moment in level_curve(panel.course, segment.images, panel.score, times=_TIMES)
    ]


def _baseline(panel: _Panel, segment: Segment) -> Iterator[dict[str, float]]:
    """Yield the baseline's level and what lies within the margin of it, if there is a baseline."""
    baseline = next((image for image in segment.images if image.is_baseline), None)
    band = getattr(baseline, panel.score).smoothed if baseline else None
    margin = getattr(panel.course.margins, panel.score)
    if baseline is None or band is None or margin is None:
        return
    yield {
        "from": _rounded(segment.x(baseline.at)),
        "to": _rounded(segment.x(segment.images[-1].at)),
        "level": _rounded(band.level),
        "low": _rounded(panel.scale.clip(band.level - margin)),
        "high": _rounded(panel.scale.clip(band.level + margin)),
    }


def _segment(segment: Segment, axis: TimeAxis, shown: Sequence[Segment]) -> dict[str, Any]:
    total = sum(each.width for each in shown)
    most = max(round(_MOST_TICKS * segment.width / total), 1)
    return {
        "left": _rounded(segment.left),
        "right": _rounded(segment.left + segment.width),
        "ticks": [[_rounded(x), label] for x, label in ticks(segment, axis, most)],
    }


def _film(segment: Segment, film: Film) -> dict[str, Any]:
    image = film.image
    return {
        "id": image.image_id,
        "x": _rounded(segment.x(image.at)),
        "view": image.view.value,
        "changed": image.view_changed,
        "flagged": film.reason,
        "merged": film.merged.patient_key if film.merged else "",
        "converted": image.scored_by,
        "baseline": image.is_baseline,
        "head": film.head,
        "lines": film.lines,
        "scores": {score: _values(image, score) for score in SCORES},
    }


def _values(image: CourseImage, score: str) -> Mapping[str, Any]:
    assessment = getattr(image, score)
    return {"points": assessment.points, "verdict": assessment.verdict}


def _events(course: Course, shown: Sequence[Segment]) -> Iterator[dict[str, Any]]:
    """Yield each treatment in each episode that it overlaps."""
    for segment in shown:
        for event in course.events:
            if segment.shows(event):
                end = event.ends_at or event.starts_at
                yield {
                    "from": _rounded(segment.x(event.starts_at)),
                    "to": _rounded(segment.x(end)),
                    "label": event.label,
                    "kind": event.kind,
                    "cut": segment.cuts(end),
                }


def _rounded(value: float) -> float:
    return round(value, _DIGITS)
