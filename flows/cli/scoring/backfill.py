"""The command that scores an archive on a Dask cluster."""

import asyncio
import sys

import click

from flows.cli.exit_codes import ATTENTION
from flows.cli.options import (
    chosen_resources,
    device_option,
    inbox_option,
    model_option,
    precision_option,
)
from flows.cli.terminal import terminal
from flows.deployments.serving import export_settings
from flows.orchestration.environment import configure_prefect
from flows.progress import progress_bar
from flows.reports import balance_text
from severity.domain import RESEARCH_USE_ONLY


@click.command()
@inbox_option
@model_option
@precision_option
@device_option
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Tasks at a time; without --cluster also the processes that are started here.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    default="",
    help="Scheduler of a Dask cluster, whose workers have the same settings in their environment.",
)
def backfill_command(
    inbox: str | None, *, workers: int, cluster: str, **engine: str | None
) -> None:
    """Score every new image in the inbox by several workers of a Dask cluster, then end.

    For one big archive, on machines that a cluster already manages; elsewhere start `run` on each
    machine. Needs the extra `dask`. Safe to kill at any moment and to start twice.

    Ends with exit code 3 if the balance does not hold, something cannot be read, or the inbox is
    empty, or most of it is gone at once, although images lay there before.
    """
    console = terminal()
    with chosen_resources(inbox=inbox, **engine) as resources:
        location = resources.settings.only_source().location
        configure_prefect(resources.settings.home, quiet=True)
        export_settings(resources.settings)
        # Imported here: Prefect reads its settings when it is first imported.
        from flows.scoring.backfill import backfill  # noqa: PLC0415

        with progress_bar(console) as progress:
            reporting = resources.reporting_to(progress)
            summary = asyncio.run(backfill(location, reporting, cluster=cluster, workers=workers))
    console.print(
        f"{summary.scored} scored, {summary.rejected} rejected, by {summary.model_version}"
    )
    for note in summary.notes:
        console.print(note, style="yellow")
    console.print(balance_text(summary.balance))
    console.print(RESEARCH_USE_ONLY)
    if summary.needs_attention:
        sys.exit(ATTENTION)
