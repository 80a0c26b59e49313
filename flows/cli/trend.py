"""The command that shows one patient's course."""

from pathlib import Path

import click

from db.reading import model_versions, trends
from flows.cli.options import chosen_resources, issuer_option, json_option, patient_key
from flows.cli.terminal import terminal
from flows.errors import UsageError
from flows.reports import trend_json, trend_table
from flows.resources import Resources


@click.command()
@click.argument("patient")
@issuer_option
@click.option("--model-version", help="The model version; the model's newest if absent.")
@json_option
@click.option(
    "--chart",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also draw it into this file (PNG, SVG or PDF).",
)
def trend_command(
    patient: str, *, issuer: str, model_version: str | None, as_json: bool, chart: Path | None
) -> None:
    """Show PATIENT's scores over time, by one model version.

    PATIENT is the hospital's patient identifier, or a key such as p-1a2b... from a dashboard.
    """
    with chosen_resources() as resources:
        trend = _trend(resources, patient_key(resources, patient, issuer), model_version)
    if chart is not None:
        _draw(trend, chart)
    if as_json:
        click.echo(trend_json(trend))
        return
    terminal().print(trend_table(trend))


def _trend(resources: Resources, key: str, model_version: str | None) -> trends.Trend:
    with resources.read_database().transaction() as session:
        person = trends.person(session, key)
        versions = model_versions.of_model(session, resources.settings.model, person)
        version = model_version or (versions[-1] if versions else "")
        scored_by = model_versions.of_patient(session, person)
        trend = trends.trend(session, person, version) if version in scored_by else None
    if trend is not None and trend.observations:
        return trend
    others = [other for other in scored_by if other != version]
    raise UsageError(
        f"no dated score of this patient by {model_version or resources.settings.model}"
        + (f"; {trend.undated} scored images have no time" if trend else "")
        + (f"; scored by {', '.join(others)}" if others else "")
    )


def _draw(trend: trends.Trend, path: Path) -> None:
    # Imported here: matplotlib takes as long as all the rest, and only a chart needs it.
    from flows.reports.trend_chart import draw_trend  # noqa: PLC0415

    try:
        draw_trend(trend, path)
    except (OSError, ValueError) as error:
        raise UsageError(f"the chart cannot be written: {error}") from error
