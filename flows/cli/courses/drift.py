"""The command that shows whether the patients or the machines of a site changed."""

import sys

import click

from db.engine import Transaction
from db.reading import model_versions
from flows.cli.exit_codes import ATTENTION
from flows.cli.options import chosen_resources, json_option
from flows.cli.terminal import terminal
from flows.drift import SiteDrift, draw, drift_json, drift_table
from flows.errors import UsageError


@click.command()
@click.option("--model-version", help="The model version; the model's newest if absent.")
@json_option
def drift_command(*, model_version: str | None, as_json: bool) -> None:
    """Show the site's control charts: scores, distance to known films, error, by device.

    Of the nights that passes have counted so far. Ends with exit code 3 if a chart is out of
    control.
    """
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        drift = _drift(session, resources.settings.model, model_version)
    if as_json:
        click.echo(drift_json(drift), nl=False)
    else:
        terminal().print(drift_table(drift))
    if drift.finding is not None:
        sys.exit(ATTENTION)


def _drift(session: Transaction, model: str, model_version: str | None) -> SiteDrift:
    versions = model_versions.of_model(session, model)
    version = model_version or (versions[-1] if versions else "")
    drift = draw(session, version)
    if not drift.charts:
        raise UsageError(f"no night of {model_version or model} was counted yet")
    return drift
