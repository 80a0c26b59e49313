"""The commands on the database: its tables, the balance, the rejected images."""

import sys
from collections.abc import Mapping, Sequence

import click
from rich.console import RenderableType

from db.courses import due
from db.drift import reports
from db.engine import Database, Transaction
from db.reading.site import balances, monitoring, operations
from db.reading.site.balances import SourceBalance
from db.rescoring import progress
from flows.cli.exit_codes import ATTENTION
from flows.cli.options import chosen_resources, json_option
from flows.cli.terminal import terminal
from flows.drift import reports_text
from flows.reports import (
    Status,
    balance_text,
    courses_text,
    discrepancies_text,
    rejections_table,
    rescorings_table,
    source_text,
    status_json,
)
from flows.resources import Progress, Resources, using
from flows.settings import read_settings
from severity.domain import RESEARCH_USE_ONLY


@click.command()
@click.option("--verify", "verified", is_flag=True, help="Compare all counters with the rows.")
@json_option
def status_command(*, verified: bool, as_json: bool) -> None:
    """Show the balance: what became of all images that were ever seen.

    Ends with exit code 3 if it does not hold, or something cannot be read.
    """
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        status = _status(session, verified=verified)
        drift = reports_text(reports(session))
        rescoring = progress.rescorings(session, only_open=True)
    sources, wrong = status.sources, status.discrepancies
    if as_json:
        click.echo(status_json(status), nl=False)
    else:
        notes: list[RenderableType] = [*drift, courses_text(status.courses)]
        notes += [rescorings_table(rescoring)] if rescoring else []
        verification = [discrepancies_text(wrong)] if verified else []
        _show(sources, status.rejections, [*notes, *verification])
    if wrong or any(not source.holds or source.obstacles for source in sources):
        sys.exit(ATTENTION)


def _status(session: Transaction, *, verified: bool) -> Status:
    return Status(
        sources=balances.balances(session),
        rejections=balances.rejections(session),
        discrepancies=balances.verify(session) if verified else [],
        courses=due.counts(session),
        oldest_waiting=operations.oldest_waiting(session),
        runs=monitoring.source_runs(session),
    )


def _show(
    sources: Sequence[SourceBalance], rejected: Mapping[str, int], notes: Sequence[RenderableType]
) -> None:
    console = terminal()
    if not sources:
        console.print("Nothing was seen yet.")
    for source in sources:
        console.print(source_text(source))
        console.print(balance_text(source))
    if rejected:
        console.print(rejections_table(rejected))
    for note in notes:
        console.print(note)
    console.print(RESEARCH_USE_ONLY)


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
