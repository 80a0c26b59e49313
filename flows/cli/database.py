"""The commands on the database: its tables, the balance, the rejected images."""

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
    """Show the balance: what became of all images that were ever seen."""
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
    """Put all images rejected for REASON back in the queue, for the next run."""
    with chosen_resources(model=model) as resources:
        version_id = register_model_version(resources).row_id
        with resources.open_database().transaction() as session:
            released = ledger.release(session, Reason(reason), model_version_id=version_id)
    images = "1 image" if released == 1 else f"{released} images"
    were = "was" if released == 1 else "were"
    terminal().print(f"{images} rejected as {reason} {were} put back in the queue")


@click.command()
def upgrade_command() -> None:
    """Create or migrate the tables; safe to run at any time.

    Also lets the role severity_dashboard, if it exists, read the dashboards' views.
    """
    settings = read_settings()
    with using(Resources(settings, Progress())) as resources:
        url = settings.database_url
        database = Database(url.get_secret_value()) if url else resources.open_database()
        revision = database.upgrade()
    terminal().print(f"The database is at revision {revision}.")
