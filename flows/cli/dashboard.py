"""The command that serves the dashboard."""

from contextlib import suppress
from pathlib import Path

import click

from flows.cli.options import chosen_resources
from flows.dashboard import server


@click.command()
@click.option(
    "--port",
    "dashboard_port",
    type=click.IntRange(0, 65535),
    help="Port on 127.0.0.1, 0 for any free one; SEVERITY_DASHBOARD_PORT if absent.",
)
@click.option(
    "--home",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the embedded database, such as a demonstration's; SEVERITY_HOME if absent.",
)
def dashboard_command(dashboard_port: int | None, home: Path | None) -> None:
    """Show worklist, patients, cohort and operations in the browser, until Ctrl-C.

    Only this machine can reach the pages. They read the database, and change nothing.
    """
    chosen = chosen_resources(dashboard_port=dashboard_port, home=home)
    # Its end by Ctrl-C is no failure, as that of a command would be that had more to do.
    with suppress(KeyboardInterrupt), chosen as resources:
        server.serve(resources, announce=_announce)


def _announce(address: str) -> None:
    click.echo(f"The dashboard is at {address} (Ctrl-C ends it).")
