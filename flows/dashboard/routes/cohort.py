"""The page of all patients together: quartiles of levels by day, by group and by treatment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from db.reading import cohort, model_versions
from db.reading.cohort import CohortDay, Curve, Treatment
from flows.dashboard.charts.line_chart import Chart, Line, Point, line_chart
from flows.dashboard.pages import page
from flows.dashboard.reading import Read, Reading
from flows.dashboard.request import OPTIONAL
from flows.dashboard.texts import texts
from severity.domain import Scale

router = APIRouter(include_in_schema=False)
MOST_LINES = 6
"""Groups that are drawn: no more can be told apart."""
_BANDS = 2  # of lines that have one
_MOST = f"{cohort.MOST_PATIENTS:,}"
_SCORES = ("geographic_extent", "opacity")


class Choices(BaseModel):
    """What curves are shown beside those of all patients.

    Attributes
    ----------
    treatment
        Kind and label with a colon between them, such as ``drug:dexamethasone``.
    group
        The name of a grouping, such as ``arm``.
    """

    treatment: Annotated[str | None, OPTIONAL] = None
    group: Annotated[str | None, OPTIONAL] = None

    def treatment_among(self, known: Sequence[Treatment]) -> Treatment | None:
        """Return the treatment that is chosen; None if none is, or there is no such one."""
        by_value = {f"{treatment.kind}:{treatment.label}": treatment for treatment in known}
        return by_value.get(self.treatment or "")


@dataclass(frozen=True)
class Panel:
    """The curves of one score: a drawing, and the curves that its table shows by name."""

    score: str
    drawing: Chart
    curves: Mapping[str, Curve]


@dataclass(frozen=True)
class Section:
    """One question to the cohort, with its answer for each score; ``panels`` is empty if none."""

    title: str
    lead: str
    panels: tuple[Panel, ...]
    is_by_group: bool = False
    is_after_treatment: bool = False


@router.get("/cohort")
def cohort_page(
    request: Request, reading: Read, choices: Annotated[Choices, Query()]
) -> HTMLResponse:
    """Return the page of all patients together."""
    known = cohort.treatments(reading.session)
    groupings = cohort.groupings(reading.session)
    treatment = choices.treatment_among(known)
    group = choices.group if choices.group in groupings else None
    values = {
        "choices": choices,
        "treatments": known,
        "groupings": groupings,
        "treatment": treatment,
        "group": group,
        "sections": _sections(reading, treatment, group),
        "most_lines": MOST_LINES,
    }
    return page(request, "cohort.html", values)


def _sections(reading: Reading, treatment: Treatment | None, group: str | None) -> list[Section]:
    """Return the curves of all patients, and what was chosen beside them."""
    words, key, session = texts().cohort, reading.version, reading.session
    everybody = {score: {words.everybody: cohort.by_day(session, key, score)} for score in _SCORES}
    scales = model_versions.scales(session, key)
    sections = [Section(words.by_day, words.by_day_lead, _panels(scales, everybody))]
    if group is not None:
        by_group = cohort.by_group(session, key, group)
        title, lead = words.by_group.format(group=group), words.by_group_lead.format(most=_MOST)
        sections.append(Section(title, lead, _panels(scales, by_group), is_by_group=True))
    if treatment is not None:
        sections += _after_treatment(reading, scales, treatment, group)
    return sections


def _after_treatment(
    reading: Reading, scales: Mapping[str, Scale], treatment: Treatment, group: str | None
) -> list[Section]:
    """Return the curves around the start of a treatment, of all patients and by group."""
    words, key, session = texts().cohort, reading.version, reading.session
    everybody = {
        score: {words.everybody: cohort.after_treatment(session, key, score, treatment)}
        for score in _SCORES
    }
    title, panels = words.after.format(label=treatment.label), _panels(scales, everybody)
    sections = [Section(title, words.after_lead, panels, is_after_treatment=True)]
    if group is not None:
        by_group = {
            score: cohort.after_treatment_by_group(session, key, score, treatment, name=group)
            for score in _SCORES
        }
        title = words.after_by_group.format(label=treatment.label, group=group)
        panels = _panels(scales, by_group)
        sections.append(
            Section(title, words.after_lead, panels, is_by_group=True, is_after_treatment=True)
        )
    return sections


def _panels(
    scales: Mapping[str, Scale], curves: Mapping[str, Mapping[str, Curve]]
) -> tuple[Panel, ...]:
    """Return a panel for each score of which there is any level."""
    return tuple(
        _panel(score, scales[score], by_name)
        for score, by_name in curves.items()
        if any(by_name.values())
    )


def _panel(score: str, scale: Scale, by_name: Mapping[str, Curve]) -> Panel:
    name = vars(texts().scores)[score]
    shown = list(by_name.items())[:MOST_LINES]
    lines = [
        Line(
            curve_name,
            [Point(day.day, day.median, _words(curve_name, day)) for day in curve],
            # Of more than two groups bands would cover each other.
            [(day.lower_quartile, day.upper_quartile) for day in curve if len(shown) <= _BANDS],
            style,
        )
        for style, (curve_name, curve) in enumerate(shown)
    ]
    label = texts().cohort.label.format(score=name, lowest=scale.lowest, highest=scale.highest)
    drawing = line_chart(label, lines, y_range=(scale.lowest, scale.highest))
    return Panel(name, drawing, by_name)


def _words(name: str, day: CohortDay) -> str:
    words: str = texts().cohort.point.format(
        name=name,
        day=day.day,
        median=day.median,
        lower=day.lower_quartile,
        upper=day.upper_quartile,
        count=day.count,
    )
    return words
