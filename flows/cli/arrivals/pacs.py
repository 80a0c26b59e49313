"""The commands that ask a PACS: for new films, and for all that should be here."""

import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

import click

from flows.cli.exit_codes import ATTENTION
from flows.cli.options import chosen_resources, json_option
from flows.cli.terminal import terminal
from flows.pacs.comparison import DayReport
from flows.pacs.fetching import fetch_new, reconcile_all
from flows.pacs.text import attention_text, reports_json, reports_table
from flows.resources import Resources
from severity.domain import RESEARCH_USE_ONLY

_Command = TypeVar("_Command", bound=Callable[..., object])


def _days(setting: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--days",
        type=click.IntRange(min=1),
        help=f"Study dates to ask for, up to today; {setting} if absent.",
    )


_folder = click.option(
    "--folder",
    metavar="DIR",
    help="Drop folder; SEVERITY_PACS_FOLDER, else the receiver's or the inbox, if absent.",
)


@click.command()
@_days("SEVERITY_PACS_DAYS")
@_folder
@json_option
def fetch_command(days: int | None, folder: str | None, *, as_json: bool) -> None:
    """Fetch the new chest films of a PACS into the drop folder, once; then end.

    Asks for the study dates of the last days, each time, so that late films are found. Safe to
    kill at any moment and to start again.

    Ends with exit code 1 if the PACS does not answer, and 3 if it does not give a film.
    """
    with chosen_resources(pacs_days=days, pacs_folder=folder) as resources:
        _run(fetch_new, resources, as_json=as_json)


@click.command()
@_days("SEVERITY_PACS_RECONCILE_DAYS")
@_folder
@json_option
def reconcile_command(days: int | None, folder: str | None, *, as_json: bool) -> None:
    """Compare what a PACS has with what is here, day by day, and fetch what is missing.

    A film is here if it was accepted or rejected, or waits in the drop folder. Those that are
    missing are named by a keyed digest, with --json.

    Ends with exit code 1 if the PACS does not answer, and 3 if films stay missing, wait for more
    than a day, or are no longer named by the PACS.
    """
    with chosen_resources(pacs_reconcile_days=days, pacs_folder=folder) as resources:
        _run(reconcile_all, resources, as_json=as_json)


def _run(
    ask: Callable[[Resources], Iterator[DayReport]], resources: Resources, *, as_json: bool
) -> None:
    reports = list(ask(resources))
    attention = attention_text(reports)
    if as_json:
        click.echo(reports_json(reports), nl=False)
    else:
        console = terminal()
        console.print(reports_table(reports) if reports else "The PACS has no film of these days.")
        console.print(RESEARCH_USE_ONLY)
    if attention:
        click.echo(attention, err=True)
        sys.exit(ATTENTION)
