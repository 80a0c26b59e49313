"""The command that scores an inbox once."""

import asyncio
import sys

import click
from rich.console import Console

from flows.cli.exit_codes import ATTENTION
from flows.cli.options import (
    chosen_resources,
    chosen_sources,
    device_option,
    inbox_option,
    model_option,
    precision_option,
)
from flows.cli.scoring.device import announce_device
from flows.cli.terminal import terminal
from flows.orchestration.environment import configure_prefect
from flows.progress import progress_bar
from flows.reports import balance_text, other_versions_text, source_text
from flows.scoring.every_source import SourcePass, score_sources
from flows.scoring.summary import RunSummary
from severity.domain import RESEARCH_USE_ONLY


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@inbox_option
@model_option
@precision_option
@device_option
@click.option(
    "--emptied",
    is_flag=True,
    help="Files were taken away on purpose: it is no fault that they are gone.",
)
def run_command(
    names: tuple[str, ...], inbox: str | None, *, emptied: bool, **engine: str | None
) -> None:
    """Score every new image in each source, or in those named, once; then end.

    Files younger than SEVERITY_SETTLE_SECONDS are left for the next pass: they may be
    half-written. Safe to kill at any moment and to start twice.

    A source that cannot be read fails alone. Ends with exit code 3 if one cannot, if the balance
    does not hold, something in it cannot be read, or most files are gone at once.
    """
    console = terminal()
    with chosen_resources(inbox=inbox, **engine) as resources:
        sources = chosen_sources(resources.settings, names)
        announce_device(resources.settings)
        configure_prefect(resources.settings.home, quiet=True)
        with progress_bar(console) as progress:
            passes = asyncio.run(
                score_sources(sources, resources.reporting_to(progress), is_emptied=emptied)
            )
    for source_pass in passes:
        _show_pass(source_pass, console, is_alone=len(passes) == 1)
    console.print(RESEARCH_USE_ONLY)
    if any(entry.summary is None or entry.summary.needs_attention for entry in passes):
        sys.exit(ATTENTION)


def _show_pass(source_pass: SourcePass, console: Console, *, is_alone: bool) -> None:
    if source_pass.summary is None:
        console.print(f"{source_pass.source.name} failed: {source_pass.fault}", style="yellow")
        return
    if not is_alone:
        console.print(source_text(source_pass.summary.balance))
    _show(source_pass.summary, console)


def _show(summary: RunSummary, console: Console) -> None:
    flagged = (
        f" ({summary.out_of_distribution} out of distribution)"
        if summary.out_of_distribution
        else ""
    )
    deferred = " (changed just now)" if summary.deferred else ""
    console.print(
        f"{summary.scored} scored{flagged}, {summary.rejected} rejected{_rest(summary)}, "
        f"{summary.deferred} left for the next pass{deferred}, by {summary.model_version}"
    )
    if summary.other_versions:
        console.print(other_versions_text(summary.other_versions))
    for note in summary.notes:
        console.print(note, style="yellow")
    console.print(balance_text(summary.balance))


def _rest(summary: RunSummary) -> str:
    """Name what was neither scored nor rejected, if there is any."""
    failed = f", {summary.failed} failed" if summary.failed else ""
    vanished = f", {summary.vanished} vanished" if summary.vanished else ""
    return failed + vanished + (f", {summary.archived} archived" if summary.archived else "")
