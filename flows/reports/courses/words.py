"""What a course says, in words that the table, the JSON and the chart share."""

from collections.abc import Sequence
from datetime import datetime

from db.reading.courses import Assessment, Band, Course, CourseImage, SeamLine
from db.reading.results import ScoreResult
from flows.reports.trend_text import identifier_notes, processing_notes, waiting_notes
from severity.course.parameters import CourseParameters
from severity.domain import RESEARCH_USE_ONLY, Verdict, View

NO_CAUSE = (
    "A response describes what happened after a treatment began, not what it caused: sicker "
    "patients are treated more (confounding by indication)."
)

NOT_UP_TO_DATE = (
    "NOT UP TO DATE: something of this patient has changed since the course was computed. The end "
    "of the next pass computes it anew, or `cxr-severity courses update` now."
)
"""The note of a course in which something is not yet."""

_NEARLY_SURE = 99
_VIEWS = "The view changed, which is no change of the patient: bands are wider for it."
_SIMULATED = "SIMULATED: opacities were painted into a real image; this is no patient."


def percent(probability: float) -> str:
    """Return a probability in whole percent; never 0 or 100, which no model can state."""
    share = round(100 * probability)
    return "<1%" if share < 1 else ">99%" if share > _NEARLY_SURE else f"{share}%"


def band_text(band: Band | None) -> str:
    """Return a level with its 90 % band; a dash without one."""
    return "-" if band is None else f"{band.level:.1f} ({band.low:.1f}-{band.high:.1f})"


def probability(assessment: Assessment | ScoreResult) -> float | None:
    """Return the probability behind a verdict; for "cannot tell" there is none."""
    match assessment.verdict:
        case Verdict.WORSE:
            return assessment.worse
        case Verdict.BETTER:
            return assessment.better
        case Verdict.UNCHANGED:
            return assessment.within
        case _:
            return None


def verdict_text(assessment: Assessment) -> str:
    """Return a verdict with the probabilities of all three changes, as one line."""
    if assessment.verdict is None:
        return "no verdict yet"
    shares = (assessment.worse, assessment.better, assessment.within)
    names = ("worse", "better", "within the margin")
    listed = ", ".join(
        f"{name} {percent(share)}"
        for name, share in zip(names, shares, strict=True)
        if share is not None
    )
    return f"{assessment.verdict.value} ({listed})"


def latest(images: Sequence[CourseImage]) -> CourseImage | None:
    """Return the last image that a course is told from: in distribution, and with a level."""
    with_level = (image for image in images if image.geographic_extent.level)
    return max(with_level, key=recency, default=None)


def is_told_from_before(images: Sequence[CourseImage]) -> bool:
    """Return whether no image of the latest episode has a level: `latest` is of an earlier one."""
    told, last = latest(images), max(images, key=recency, default=None)
    if told is None or last is None:
        return False
    return (told.calendar_known, told.episode) != (last.calendar_known, last.episode)


def recency(image: CourseImage) -> tuple[bool, datetime, int]:
    """Return what is largest for the latest image; a date is later than the number of a day."""
    return image.calendar_known, image.at, image.image_id


def missing_course(course: Course) -> str:
    """Return why nothing can be told from a course; empty if something can."""
    if not course.parameters:
        return (
            f"there is no parameter set for model version {course.model_version}, as of a model "
            "whose measurement error is not known (docs/models.md)"
        )
    if not course.images:
        return "it is not computed yet (run `cxr-severity courses update`)"
    return "" if latest(course.images) else "all images of the patient are out of distribution"


def origin_text(course: Course) -> str:
    """Return where a course's parameters come from."""
    where = {
        "shipped": "learned from public series",
        "site": "learned at this site",
        "calibration": "from the calibration; not learned",
    }
    return f"parameter set {course.parameters[:8]}, {where.get(course.origin, course.origin)}"


def course_notes(course: Course) -> list[str]:
    """List the notes that a reader of this course needs."""
    notes = [NOT_UP_TO_DATE] if course.is_due else []
    notes += seam_notes(course)
    if course.margins.geographic_extent is not None:
        notes.append("Level: what the images so far say of the patient, with its 90% band.")
    notes += [*margin_note(course), *_shift_notes(course), *_image_notes(course.images)]
    if any(event.geographic_extent or event.opacity for event in course.events):
        notes.append(NO_CAUSE)
    if course.undated:
        notes.append(f"{course.undated} scored images have no time and are not in the course.")
    notes += waiting_notes(course.waiting)
    notes += identifier_notes(course.same_identifier)
    if course.other_versions:
        others = ", ".join(course.other_versions)
        notes.append(f"Scores by other model versions exist ({others}): see --model-version.")
    return [*notes, RESEARCH_USE_ONLY]


def seam_notes(course: Course) -> list[str]:
    """Return what a course says that goes on across a change of the model version; else nothing."""
    seam = course.seam
    if seam is None:
        return []
    converted = sum(bool(image.scored_by) for image in course.images)
    what = (
        f"BRIDGED: {converted} of {len(course.images)} images were scored by {seam.former_version} "
        f"and are shown, marked ~, as {course.model_version} would have scored them; bands are "
        "wider for it. The plain courses are those of either version alone."
    )
    how = (
        f"Bridge {seam.bridge_id} of {seam.learned_at:%Y-%m-%d}, from {seam.films} images of "
        f"{seam.patients} patients: extent {_line_text(seam.geographic_extent)}, opacity "
        f"{_line_text(seam.opacity)}."
    )
    notes = [what, how]
    if seam.left_out:
        notes.append(
            f"{seam.left_out} images of the former version are shown, but no part of the course: "
            "their scores lie beyond what the bridge was learned from."
        )
    if course.events:
        notes.append("Responses to treatments are told by plain courses alone.")
    return notes


def _line_text(line: SeamLine) -> str:
    converted = f"{line.intercept:.2f} + {line.slope:.2f} x former"
    return f"{converted}, give or take {line.spread:.2f} points"


def version_text(course: Course) -> str:
    """Return the model version of a course, and the former one if it is bridged from that."""
    bridged = f", BRIDGED from {course.seam.former_version}" if course.seam else ""
    return f"{course.model_version}{bridged}"


def margin_note(course: Course) -> list[str]:
    """Return what the verdicts compare; nothing without levels."""
    extent, opacity = course.margins.geographic_extent, course.margins.opacity
    if extent is None or opacity is None:
        return []
    compared = (
        f"Verdicts compare the level with the baseline's; the margin is {extent:.1f} points of "
        f"extent, {opacity:.1f} of opacity. Unchanged: within the margin with at least 90% "
        "probability. Cannot tell: nothing is probable enough."
    )
    return [compared, f"Levels rest on {origin_text(course)}."]


def _shift_notes(course: Course) -> list[str]:
    """Return how much more other views show than the level, which is that of PA images."""
    seen = {image.view for image in course.images if image.out_of_distribution is None}
    others = [view for view in View if view in seen and view is not View.PA]
    if not others or not course.content:
        return []
    shifts = CourseParameters.from_json(course.content).geographic_extent.view_shift
    shown = (f"{view} images {shifts[view].mean:+.1f} points of extent" for view in others)
    return [f"Levels are those that PA images would show; on average {', '.join(shown)}."]


def _image_notes(images: Sequence[CourseImage]) -> list[str]:
    notes = []
    flagged = sum(image.out_of_distribution is not None for image in images)
    if flagged:
        notes.append(f"! {flagged} out of distribution: shown, but no part of the course.")
    notes += processing_notes(images)
    if any(image.view_changed for image in images):
        notes.append(f"* {_VIEWS}")
    if dates := sum(not image.time_of_day_known for image in images):
        notes.append(
            f"Of {dates} images only the date is known: images of such a day count as of one time."
        )
    if any(image.simulated for image in images):
        notes.append(_SIMULATED)
    if len({image.calendar_known for image in images}) > 1:
        notes.append("Some images have dates, others only day numbers: these are two courses.")
    return notes


def chart_notes(course: Course) -> list[str]:
    """List the notes below a chart, whose legend explains its marks."""
    notes = [*seam_notes(course), *margin_note(course), *_shift_notes(course)]
    if any(image.view_changed for image in course.images):
        notes.append(_VIEWS)
    if any(image.simulated for image in course.images):
        notes.append(_SIMULATED)
    if course.events:
        notes.append(NO_CAUSE)
    return notes
