"""The command that serves the dashboard."""

import logging
from contextlib import suppress
from pathlib import Path

import click

from flows.cli.options import chosen_resources
from flows.cli.paths import NamedPath
from flows.dashboard import server
from flows.dashboard.log import log


@click.command()
@click.option(
    "--port",
    "dashboard_port",
    type=click.IntRange(0, 65535),
    help="Port, 0 for any free one; SEVERITY_DASHBOARD_PORT if absent.",
)
@click.option(
    "--host",
    "dashboard_host",
    metavar="ADDRESS",
    help="Address to listen at; SEVERITY_DASHBOARD_HOST if absent, else this machine alone.",
)
@click.option(
    "--home",
    type=NamedPath(exists=True, file_okay=False, path_type=Path),
    help="Folder of the embedded database, such as a demonstration's; SEVERITY_HOME if absent.",
)
@click.option("--log", "shows_requests", is_flag=True, help="Print each request, by its route.")
def dashboard_command(
    dashboard_port: int | None,
    dashboard_host: str | None,
    home: Path | None,
    *,
    shows_requests: bool,
) -> None:
    """Show worklist, patients, cohort and operations in the browser, until Ctrl-C.

    Only this machine can reach the pages, unless they ask who is there (docs/dashboard-access.md).
    They read the database; operators alone release and dismiss rejected files.
    """
    if shows_requests:
        log.addHandler(logging.StreamHandler())
        log.setLevel(logging.INFO)
    chosen = chosen_resources(
        dashboard_port=dashboard_port, dashboard_host=dashboard_host, home=home
    )
    # Its end by Ctrl-C is no failure, as that of a command would be that had more to do.
    with suppress(KeyboardInterrupt), chosen as resources:
        server.serve(resources, announce=_announce)


def _announce(address: str) -> None:
    click.echo(f"The dashboard is at {address} (Ctrl-C ends it).")
