"""The command that shows one patient's course."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

import click

from db.engine import Transaction
from db.reading import courses, model_versions, patients, trends
from db.reading.courses import Course
from db.reading.trends import Trend
from flows.cli.options import (
    UNKNOWN_PATIENT,
    chosen_resources,
    issuer_option,
    json_option,
    patient_key,
    unissued_key,
)
from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.courses.reading import read_course
from flows.errors import UsageError
from flows.reports import trend_json, trend_table
from flows.reports.courses import TimeAxis, course_json, course_table, missing_course
from flows.resources import Resources

_ISSUER = "with another issuer or without"


class _Options(TypedDict):
    issuer: str
    model_version: str | None
    pairs: bool
    bridged: bool | None
    as_json: bool
    chart: Path | None
    axis: str


@dataclass(frozen=True)
class _Asked:
    """A patient's key, the key that it would be without an issuer, and the model version if any."""

    key: str
    unissued_key: str
    model_version: str | None


@click.command()
@click.argument("patient")
@issuer_option
@click.option("--model-version", help="The model version; the model's newest if absent.")
@click.option(
    "--pairs", is_flag=True, help="Compare pairs of images by the smallest detectable change."
)
@click.option(
    "--bridged/--plain",
    default=None,
    help="Go on across a change of the model version, by a bridge. SEVERITY_BRIDGED if absent.",
)
@json_option
@click.option(
    "--chart",
    type=NamedPath(dir_okay=False, path_type=Path),
    help="Also draw it into this file (PNG, SVG or PDF).",
)
@click.option(
    "--axis",
    type=click.Choice([axis.value for axis in TimeAxis]),
    default=TimeAxis.CALENDAR.value,
    help="What the chart's axis counts, where dates are known.",
)
def trend_command(patient: str, **options: Unpack[_Options]) -> None:
    """Show PATIENT's course: levels with bands, verdicts, treatments and responses.

    PATIENT is the hospital's patient identifier, or a key such as p-1a2b... from a dashboard.
    """
    with chosen_resources(bridged=options["bridged"]) as resources:
        key = patient_key(resources, patient, options["issuer"])
        unissued = unissued_key(resources, patient, options["issuer"])
        asked = _Asked(key, unissued, options["model_version"])
        shown, missing = _read(resources, asked, pairs=options["pairs"])
    if options["chart"] is not None:
        _draw(shown, options["chart"], TimeAxis(options["axis"]))
    if options["as_json"]:
        click.echo(_json(shown, missing))
        return
    if missing:
        click.echo(f"No course: {missing}. Pairs of images in its place:")
    elif options["bridged"] and isinstance(shown, Course) and shown.seam is None:
        click.echo("Nothing is bridged here: no image of another version has to be converted.")
    terminal().print(course_table(shown) if isinstance(shown, Course) else trend_table(shown))


def _json(shown: Course | Trend, missing: str) -> str:
    return course_json(shown) if isinstance(shown, Course) else trend_json(shown, missing)


def _read(resources: Resources, asked: _Asked, *, pairs: bool) -> tuple[Course | Trend, str]:
    """Read a course; pairs if they are asked for, or with the reason why there is no course."""
    with resources.read_database().transaction() as session:
        person = trends.person(session, asked.key)
        version = _version(session, resources.settings.model, person, asked)
        missing = ""
        if not pairs:
            course = read_course(session, person, version, bridged=resources.settings.bridged)
            missing = missing_course(course)
            if not missing:
                return course, ""
        trend = trends.trend(session, person, version)
    if not trend.observations:
        raise _no_score(version, f"; {trend.undated} scored images have no time")
    return trend, missing


def _version(session: Transaction, model: str, person: str, asked: _Asked) -> str:
    """Return the model version that is shown, by which the patient has scores."""
    chosen = asked.model_version
    own = [chosen] if chosen else model_versions.of_model(session, model, person)[-1:]
    scored_by = model_versions.of_patient(session, person)
    for version in own:
        if version in scored_by:
            return version
    others = {*trends.known_otherwise(session, asked.key, asked.unissued_key)} - {person}
    if not others and not patients.is_known(session, asked.key):
        raise UsageError(UNKNOWN_PATIENT)
    not_counted = patients.not_counted(session, person)
    raise _no_score(
        chosen or model,
        (f"; scored by {', '.join(scored_by)}" if scored_by else "")
        + (f"; {not_counted} images are withdrawn or superseded" if not_counted else "")
        + (f"; the same identifier, {_ISSUER}, is {', '.join(sorted(others))}" if others else ""),
    )


def _no_score(asked_for: str, more: str) -> UsageError:
    return UsageError(f"no dated score of this patient by {asked_for}{more}")


def _draw(shown: Course | Trend, path: Path, axis: TimeAxis) -> None:
    # Imported here: matplotlib takes as long as all the rest, and only a chart needs it.
    from flows.reports.courses.chart import draw_course  # noqa: PLC0415

    course = shown if isinstance(shown, Course) else courses.of_trend(shown)
    try:
        draw_course(course, path, axis=axis)
    except (OSError, ValueError) as error:
        raise UsageError(f"the chart cannot be written: {error}") from error
