"""The commands about what the database holds: its tables, the balance, what was rejected."""

import click
from rich.text import Text

from db import ledger
from db.engine import Database
from db.reading import balances, model_versions
from flows.cli.options import chosen_resources, model_option
from flows.cli.terminal import terminal
from flows.reports import balance_line, rejections_table
from flows.resources import Progress, Resources, using
from flows.scoring.registration import register_model_version
from flows.settings import read_settings
from severity.domain import RESEARCH_USE_ONLY, Reason


@click.command()
@model_option
def status_command(model: str | None) -> None:
    """Show the balance: what became of everything that was ever seen."""
    console = terminal()
    with (
        chosen_resources(model=model) as resources,
        resources.open_database().transaction() as session,
    ):
        versions = model_versions.of_model(session, resources.settings.model)
        if not versions:
            console.print(f"{resources.settings.model} has scored nothing yet.")
        for version in versions:
            console.print(Text(version, style="bold"))
            console.print(balance_line(balances.balance(session, version)))
            rejected = balances.rejections(session, version)
            if rejected:
                console.print(rejections_table(rejected))
    console.print(RESEARCH_USE_ONLY)


@click.command()
@click.argument("reason", type=click.Choice([reason.value for reason in Reason]))
@model_option
def release_command(reason: str, model: str | None) -> None:
    """Put back what was rejected for REASON, to be tried again by the next run."""
    with chosen_resources(model=model) as resources:
        version_id = register_model_version(resources).row_id
        with resources.open_database().transaction() as session:
            released = ledger.release(session, Reason(reason), model_version_id=version_id)
    terminal().print(f"{released} rejected for {reason} wait again")


@click.command()
def upgrade_command() -> None:
    """Create the tables, or bring them up to date; safe to run at any time.

    Also lets the role severity_dashboard, if it exists, read the dashboards' views.
    """
    settings = read_settings()
    with using(Resources(settings, Progress())) as resources:
        url = settings.database_url
        database = Database(url.get_secret_value()) if url else resources.open_database()
        revision = database.upgrade()
    terminal().print(f"The database is at revision {revision}.")
