"""A patient's course, as the database would return it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from db.reading.courses import (
    Assessment,
    Band,
    Course,
    CourseImage,
    Event,
    Margins,
    Response,
)
from severity.domain import OutOfDistribution, Scale, Verdict, View
from tests.builders.course_archive import EXACT

FIRST = datetime(2026, 3, 1, 9, tzinfo=UTC)
_TO_OPACITY = 0.75


def at(day: float) -> datetime:
    return FIRST + timedelta(days=day)


def assessment(
    points: float, change: float | None = None, verdict: Verdict | None = None
) -> Assessment:
    """What is said of a level that lies at the image's own points, with half a point either way."""
    band = Band(points, max(points - 0.5, 0), points + 0.5)
    if change is None:
        return Assessment(points, band, band, raw=points)
    worse, better = (0.97, 0.01) if change > 0 else (0.01, 0.97) if change < 0 else (0.03, 0.04)
    verdict = verdict or (
        Verdict.WORSE if change > 0 else Verdict.BETTER if change < 0 else Verdict.UNCHANGED
    )
    return Assessment(points, band, band, worse, better, 1 - worse - better, verdict, points)


def image(day: float, extent: float = 3.0, **more: object) -> CourseImage:
    """An image so many days after the first, compared with a baseline of three points."""
    is_baseline = day == 0
    change = None if is_baseline else extent - 3.0
    values = {
        "image_id": int(day * 100) + 1,
        "at": at(day),
        "calendar_known": True,
        "episode": 1,
        "days": day,
        "is_baseline": is_baseline,
        "view": View.PA,
        "view_changed": False,
        "simulated": False,
        "out_of_distribution": None,
        "geographic_extent": assessment(extent, change),
        "opacity": assessment(_TO_OPACITY * extent, change),
    }
    return CourseImage(**{**values, **more})


def flagged(day: float, extent: float = 7.9, **more: object) -> CourseImage:
    """An image out of distribution."""
    return image(day, extent, out_of_distribution=OutOfDistribution.INVERTED, **more)


def course(*images: CourseImage, **more: object) -> Course:
    values = {
        "patient_key": "p-1",
        "model_version": "v1-fp32-00000000",
        "geographic_extent": Scale(0, 8),
        "opacity": Scale(0, 6),
        "images": images or (image(0),),
        "margins": Margins(1.3, 0.975),
        "parameters": EXACT.sha256,
        "origin": "site",
        "content": EXACT.to_json(),
    }
    return Course(**{**values, **more})


def without_levels(shown: Course) -> Course:
    """The same images, of a model version without a parameter set."""
    images = tuple(
        replace(
            image,
            is_baseline=False,
            geographic_extent=Assessment(image.geographic_extent.points),
            opacity=Assessment(image.opacity.points),
        )
        for image in shown.images
    )
    return replace(shown, images=images, margins=Margins(), parameters="", origin="", content="")


def drug(label: str, start: float, end: float | None = None, **more: object) -> Event:
    starts_at, ends_at = at(start), None if end is None else at(end)
    stated = {"start": f"{starts_at:%Y-%m-%d}", "end": f"{ends_at:%Y-%m-%d}" if ends_at else ""}
    return Event("drug", label, starts_at, ends_at, **{**stated, **more})


def responses(before: float = 5.0, change: float = -2.0) -> tuple[Response, ...]:
    """A level that changes once and for all; the last film is of the third day."""
    level = Band(before + change, before + change - 1, before + change + 1)
    moved = Band(change, change - 1, change + 1)
    later = [Response(day, day > 3, level, moved, 0.81, 0.01) for day in (1, 3, 7, 14)]
    return (Response(0, False, Band(before, before - 1, before + 1)), *later)  # noqa: FBT003 - a record
