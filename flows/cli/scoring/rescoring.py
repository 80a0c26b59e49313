"""The commands of rescoring: ask for images to be scored again, work on it, show it, cancel it."""

import asyncio
from datetime import date, datetime
from pathlib import Path
from typing import TypedDict, Unpack

import click

from db.rescoring import progress, requests
from db.rescoring.requests import Requested, Selection
from flows.cli.options import chosen_resources, device_option, json_option, precision_option
from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.errors import UsageError
from flows.login import login
from flows.orchestration.environment import configure_prefect
from flows.progress import progress_bar
from flows.reports import plain_json, rescorings_table
from flows.rescoring.requesting import listed_images, request
from flows.rescoring.working import work_on_requests
from flows.resources import Resources
from severity.domain import RESEARCH_USE_ONLY

_DAY = click.DateTime(["%Y-%m-%d"])
_MOST_LINES = 10


class _Options(TypedDict):
    model: str
    precision: str | None
    device: str | None
    everything: bool
    first: datetime | None
    last: datetime | None
    images: Path | None
    later: bool


@click.command()
@click.option("--model", metavar="NAME", required=True, help="One of `model list`.")
@precision_option
@device_option
@click.option("--all", "everything", is_flag=True, help="All images that were ever accepted.")
@click.option("--from", "first", type=_DAY, help="Those taken on this day or later, in UTC.")
@click.option("--to", "last", type=_DAY, help="Those taken on this day or earlier, in UTC.")
@click.option(
    "--images",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    help="Those that FILE lists: IDs of `image list` or UIDs, one a line.",
)
@click.option("--later", is_flag=True, help="Only ask: `rescore run` or a schedule works on it.")
def start_command(**options: Unpack[_Options]) -> None:
    """Ask for accepted images to be scored again by another model, and work on it.

    Old scores stay. It gives way to passes, runs at a low priority, and goes on where it was when
    it is killed and `rescore run` is started.
    """
    selection = _selection(options)
    engine = {name: options[name] for name in ("model", "precision", "device")}
    with chosen_resources(**engine) as resources:
        _tell(request(resources, selection), selection)
        if not options["later"]:
            _work(resources)


@click.command()
@device_option
def run_command(device: str | None) -> None:
    """Work on all that was asked to be scored again, until it is done.

    Safe to kill at any moment and to start twice.
    """
    with chosen_resources(device=device) as resources:
        _work(resources)


@click.command()
@json_option
def status_command(*, as_json: bool) -> None:
    """Show all requests: who asked for what, and how many are done, left and gone."""
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        rescorings = progress.rescorings(session)
    if as_json:
        click.echo(plain_json(rescorings))
        return
    terminal().print(rescorings_table(rescorings))
    terminal().print(RESEARCH_USE_ONLY)


@click.command()
@click.argument("request_id", metavar="ID", type=int)
def cancel_command(request_id: int) -> None:
    """Cancel the request ID of `rescore status`; scores that were written stay."""
    with chosen_resources() as resources, resources.open_database().transaction() as session:
        if not requests.cancel(session, request_id, who=login()):
            raise UsageError(f"there is no request {request_id}, or it was cancelled before")
    click.echo(f"Request {request_id} is cancelled.")


def _selection(options: _Options) -> Selection:
    days = options["first"] is not None or options["last"] is not None
    if sum((options["everything"], days, options["images"] is not None)) != 1:
        raise UsageError("choose one of --all, --from and --to, or --images FILE")
    if options["images"] is not None:
        return Selection(images=listed_images(options["images"]))
    first, last = _day(options["first"]), _day(options["last"])
    if first and last and first > last:
        raise UsageError("--from is after --to")
    return Selection(first, last)


def _day(chosen: datetime | None) -> date | None:
    return chosen.date() if chosen else None


def _tell(requested: Requested, selection: Selection) -> None:
    click.echo(f"Request {requested.id} is entered.")
    if requested.unknown and selection.images is not None:
        entries = ", ".join(str(place + 1) for place in requested.unknown[:_MOST_LINES])
        more = " ..." if len(requested.unknown) > _MOST_LINES else ""
        click.echo(
            f"{len(requested.unknown)} of {len(selection.images)} entries of the list name no "
            f"image that counts: {entries}{more}"
        )


def _work(resources: Resources) -> None:
    configure_prefect(resources.settings.home, quiet=True)
    with progress_bar(terminal(), "Enlisting images") as shown:
        worked_on = asyncio.run(work_on_requests(resources.reporting_to(shown)))
    terminal().print(rescorings_table(worked_on))
    terminal().print(RESEARCH_USE_ONLY)
