"""The command that scores an inbox once."""

import asyncio
import sys

import click
from rich.console import Console

from flows.cli.device import announce_device
from flows.cli.exit_codes import ATTENTION
from flows.cli.options import (
    chosen_inbox,
    chosen_resources,
    device_option,
    inbox_option,
    model_option,
    precision_option,
)
from flows.cli.terminal import terminal
from flows.orchestration.environment import configure_prefect
from flows.progress import progress_bar
from flows.reports import balance_text, other_versions_text
from flows.scoring.inbox_pass import score_new
from flows.scoring.summary import RunSummary
from severity.domain import RESEARCH_USE_ONLY


@click.command()
@inbox_option
@model_option
@precision_option
@device_option
@click.option(
    "--emptied", is_flag=True, help="The inbox was emptied on purpose: an empty one is no fault."
)
def run_command(inbox: str | None, *, emptied: bool, **engine: str | None) -> None:
    """Score every new image in the inbox, once; then end.

    Files younger than SEVERITY_SETTLE_SECONDS are left for the next pass: they may be
    half-written. Safe to kill at any moment and to start twice.

    Ends with exit code 3 if the balance does not hold, something cannot be read, or the inbox is
    empty although images lay there before.
    """
    console = terminal()
    with chosen_resources(inbox=inbox, **engine) as resources:
        location = chosen_inbox(resources.settings)
        announce_device(resources.settings)
        configure_prefect(resources.settings.home, quiet=True)
        with progress_bar(console) as progress:
            summary = asyncio.run(
                score_new(location, resources.reporting_to(progress), is_emptied=emptied)
            )
    _show(summary, console)
    if summary.needs_attention:
        sys.exit(ATTENTION)


def _show(summary: RunSummary, console: Console) -> None:
    flagged = (
        f" ({summary.out_of_distribution} out of distribution)"
        if summary.out_of_distribution
        else ""
    )
    console.print(
        f"{summary.scored} scored{flagged}, {summary.rejected} rejected{_rest(summary)}, "
        f"{summary.deferred} left for the next pass, by {summary.model_version}"
    )
    if summary.other_versions:
        console.print(other_versions_text(summary.other_versions))
    for note in summary.notes:
        console.print(note, style="yellow")
    console.print(balance_text(summary.balance))
    console.print(RESEARCH_USE_ONLY)


def _rest(summary: RunSummary) -> str:
    """Name what was neither scored nor rejected, if there is any."""
    failed = f", {summary.failed} failed" if summary.failed else ""
    return failed + (f", {summary.vanished} vanished" if summary.vanished else "")
