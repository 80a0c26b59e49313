"""The command that shows one patient's course."""

from pathlib import Path

import click

from db.reading import model_versions, trends
from flows.cli.options import chosen_resources
from flows.cli.terminal import terminal
from flows.errors import UsageError
from flows.reports import trend_json, trend_table
from flows.resources import Resources
from severity.domain import PatientId


@click.command()
@click.argument("patient")
@click.option("--issuer", default="", help="Issuer of the identifier, if the images name one.")
@click.option("--model-version", help="The model version; the model's newest if absent.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
        trend = _trend(resources, _patient_key(resources, patient, issuer), model_version)
    if chart is not None:
        _draw(trend, chart)
    if as_json:
        click.echo(trend_json(trend))
        return
    terminal().print(trend_table(trend))


def _patient_key(resources: Resources, patient: str, issuer: str) -> str:
    if patient.startswith("p-"):
        return patient
    return resources.pseudonym(PatientId(patient, issuer))


def _trend(resources: Resources, patient_key: str, model_version: str | None) -> trends.Trend:
    with resources.open_database().transaction() as session:
        versions = model_versions.of_model(session, resources.settings.model, patient_key)
        version = model_version or (versions[-1] if versions else "")
        scored_by = model_versions.of_patient(session, patient_key)
        trend = trends.trend(session, patient_key, version) if version in scored_by else None
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
