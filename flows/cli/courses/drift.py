"""The commands that show whether the patients or the machines of a site changed, and accept it."""

import sys
from datetime import UTC, datetime

import click

from db.drift import restart
from db.engine import Transaction
from db.reading import model_versions
from flows.cli.corrections.correcting import author_options, confirm, correcting
from flows.cli.exit_codes import ATTENTION
from flows.cli.options import chosen_resources, json_option
from flows.cli.terminal import terminal
from flows.drift import SiteDrift, draw, drift_json, drift_table
from flows.errors import UsageError


@click.group(invoke_without_command=True)
@click.option("--model-version", help="The model version; the model's newest if absent.")
@json_option
@click.pass_context
def drift_command(context: click.Context, *, model_version: str | None, as_json: bool) -> None:
    """Show the site's control charts: scores, distance to known films, error, by device.

    Of the nights that passes have counted so far. Ends with exit code 3 if a chart is out of
    control.
    """
    if context.invoked_subcommand is not None:
        return
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
        since = f" since {drift.restart.day}, from which charts learn" if drift.restart else ""
        raise UsageError(f"no night of {model_version or model} was counted yet{since}")
    return drift


@drift_command.command("restart")
@click.argument("day", metavar="[DAY]", type=click.DateTime(["%Y-%m-%d"]), required=False)
@click.option("--clear", is_flag=True, help="Learn from the first night again.")
@author_options
def restart_command(day: datetime | None, *, clear: bool, **author: str) -> None:
    """Let the charts learn from the night of DAY on, after a change that was meant.

    Such as a new detector or its new settings, which would be an alarm for good. Nothing is
    deleted. DAY is one of acquisition in UTC.
    """
    if (day is None) != clear:
        raise UsageError("give either DAY or --clear")
    if day is not None and day.replace(tzinfo=UTC) > datetime.now(UTC):
        raise UsageError("DAY is in the future: an alarm until then would be missed")
    with correcting(**author) as correction:
        chosen = day.date() if day else None
        changed = restart(correction.session, correction.author, chosen)
    since = f"from {chosen} on" if chosen else "from the first night on"
    if changed:
        confirm(f"The charts learn {since}", undo="drift restart --clear" if chosen else "")
    else:
        confirm(f"Nothing changed: the charts learn {since} already")
